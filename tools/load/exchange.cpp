// The connections on Asio and Beast; see exchange.h.
#include "exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>

#include "answer_reader.h"
#include "base/fail.h"
#include "base/platform.h"
#include "base/utf8.h"
#include "request_form.h"

namespace fulmar::load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t read_bytes = 16 << 10;          // at once, of each connection
constexpr size_t most_complaint_bytes = 4 << 10;  // of the body of an error
constexpr size_t most_list_bytes = 4 << 20;       // of what GET answers
constexpr uint32_t most_header_bytes = 64 << 10;
constexpr uint64_t spare_descriptors = 64;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

// For the end of a coroutine: what it threw, io_context::run() throws.
void pass_on(std::exception_ptr thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

// Which kind of trouble an error of a socket or of the HTTP parser is.
Fault fault_of(const error_code& error) {
  if (error == beast::error::timeout) return Fault::timeout;
  const bool is_http = error.category() == make_error_code(http::error::end_of_stream).category();
  if (is_http && error != http::error::end_of_stream && error != http::error::partial_message) return Fault::malformed;
  return Fault::reset;
}

std::vector<tcp::endpoint> resolve(asio::io_context& io, const Target& target) {
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(target.host, std::to_string(target.port), error);
  if (error) fail(ErrorKind::unavailable, "the host {} is not known: {}", target.host, error.message());
  std::vector<tcp::endpoint> endpoints;
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  return endpoints;
}

std::string host_field(const Target& target) {
  const bool ipv6 = target.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", target.host, target.port) : fmt::format("{}:{}", target.host, target.port);
}

class Exchange {
 public:
  Exchange(const Target& target, const Load& load)
      : target_(target), load_(load), io_(1), endpoints_(resolve(io_, target)), room_(io_), interrupt_(io_), outcomes_(load.bodies.size()) {}

  std::vector<Outcome> run() {
    raise_descriptor_limit(load_.bodies.size() + spare_descriptors);
    start_ = Clock::now();
    asio::co_spawn(io_, send_all(), pass_on);
    interrupt_.add(SIGINT);
    interrupt_.add(SIGTERM);
    interrupt_.async_wait([this](error_code error, int) {
      if (!error) io_.stop();
    });
    io_.run();
    for (Outcome& outcome : outcomes_)
      if (done_ < outcomes_.size() && outcome.fault == Fault::none && outcome.end == 0) outcome.fault = Fault::interrupted;
    return std::move(outcomes_);
  }

 private:
  asio::awaitable<void> send_all() {
    asio::steady_timer timer(io_);
    for (size_t i = 0; i < load_.bodies.size(); ++i) {
      error_code error;
      timer.expires_at(start_ + seconds(load_.times[i]));
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
      while (load_.max_concurrency > 0 && live_ >= load_.max_concurrency) {
        room_.expires_at(Clock::time_point::max());
        co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
      ++live_;
      asio::co_spawn(io_, send(i), pass_on);
    }
  }

  asio::awaitable<void> send(size_t i) {
    Outcome& outcome = outcomes_[i];
    const auto sent = Clock::now();
    outcome.begin = seconds_since(start_);
    co_await ask(outcome, load_.bodies[i], sent);
    if (outcome.fault != Fault::none) outcome.end = seconds_since(sent);
    --live_;
    room_.cancel();
    if (++done_ == outcomes_.size()) interrupt_.cancel();
    if (load_.progress) load_.progress(done_, load_.bodies.size());
  }

  asio::awaitable<void> ask(Outcome& outcome, const std::string& body, Clock::time_point sent) {
    error_code error;
    const auto failed = [&outcome, &error](Fault fault) {
      outcome.fault = fault;
      outcome.why = error.message();
    };
    beast::tcp_stream stream(io_);
    stream.expires_after(seconds(target_.timeout_seconds));
    co_await stream.async_connect(endpoints_, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return failed(error == beast::error::timeout ? Fault::timeout : Fault::refused);
    stream.socket().set_option(tcp::no_delay(true), error);

    http::request<http::string_body> request{http::verb::post, target_.base + load_.path, 11, body};
    request.set(http::field::host, host_field(target_));
    request.set(http::field::content_type, "application/json");
    request.set(http::field::accept, load_.stream ? "text/event-stream" : "application/json");
    request.set(http::field::connection, "close");
    if (!target_.password.empty()) request.set(http::field::authorization, "Bearer " + target_.password);
    request.prepare_payload();
    // A server may answer before it has read all, and close: what it said is read all the same.
    co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (error == beast::error::timeout) co_return failed(Fault::timeout);

    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    parser.header_limit(most_header_bytes);
    co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return failed(fault_of(error));
    const std::string_view type = parser.get()[http::field::content_type];
    const bool good = parser.get().result() == http::status::ok;
    const bool events = good && load_.stream && type.find("event-stream") != type.npos;
    AnswerReader reader(outcome, events);
    const bool framed = parser.chunked() || parser.content_length().has_value();
    std::string wrong;  // what a status that is not 200 says
    std::array<char, read_bytes> bytes;
    while (!parser.is_done()) {
      parser.get().body().data = bytes.data();
      parser.get().body().size = bytes.size();
      co_await http::async_read_some(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
      const std::string_view news(bytes.data(), bytes.size() - parser.get().body().size);
      if (!good) {
        wrong.append(news.substr(0, std::min(news.size(), most_complaint_bytes - wrong.size())));
      } else if (!news.empty() && !reader.push(news, seconds_since(sent))) {
        co_return;
      }
      if (error == http::error::need_buffer) error = {};
      if (!error && seconds_since(sent) > target_.timeout_seconds) error = beast::error::timeout;  // it never falls silent
      if (!error) continue;
      // A stream whose end mark came has said all, whatever the connection does then.
      if (good && reader.done()) break;
      co_return failed(fault_of(error));
    }
    if (good) co_return reader.finish(seconds_since(sent), framed);
    outcome.fault = Fault::status;
    const std::optional<Piece> said = read_piece(wrong);
    outcome.why = fmt::format("{} {}", parser.get().result_int(), said && said->error ? *said->error : shown(wrong, 120));
  }

  const Target& target_;
  const Load& load_;
  asio::io_context io_;
  const std::vector<tcp::endpoint> endpoints_;
  asio::steady_timer room_;  // cancelled when a request ends
  asio::signal_set interrupt_;  // what has ended by then is reported
  std::vector<Outcome> outcomes_;
  Clock::time_point start_;
  uint32_t live_ = 0;
  uint64_t done_ = 0;
};

}  // namespace

void set_address(Target& target, const std::string& url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme))
    fail(ErrorKind::misuse, "{} does not begin with http://; where a server speaks https only, put a proxy before it", url);
  std::string_view rest = std::string_view(url).substr(scheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view place = rest.substr(0, slash), base = rest.substr(slash);
  while (base.ends_with('/')) base.remove_suffix(1);
  target.base = base;
  const size_t closing = place.starts_with('[') ? place.find(']') : 0;  // an address of IPv6
  const size_t colon = place.find(':', std::min(closing, place.size()));
  target.port = 80;
  if (colon != place.npos) {
    const std::string_view digits = place.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || target.port == 0)
      fail(ErrorKind::misuse, "{} has no port between 1 and 65535", url);
    place = place.substr(0, colon);
  }
  if (place.starts_with('[') && place.ends_with(']')) place = place.substr(1, place.size() - 2);
  if (place.empty()) fail(ErrorKind::misuse, "{} names no host", url);
  target.host = place;
}

std::string get(const Target& target, const std::string& path) {
  const std::string address = fmt::format("http://{}{}{}", host_field(target), target.base, path);
  asio::io_context io(1);
  error_code error;
  beast::tcp_stream stream(io);
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_list_bytes);
  const auto ask = [&]() -> asio::awaitable<void> {
    beast::flat_buffer buffer;
    stream.expires_after(seconds(target.timeout_seconds));
    co_await stream.async_connect(resolve(io, target), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    http::request<http::empty_body> request{http::verb::get, target.base + path, 11};
    request.set(http::field::host, host_field(target));
    request.set(http::field::connection, "close");
    if (!target.password.empty()) request.set(http::field::authorization, "Bearer " + target.password);
    co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  };
  asio::co_spawn(io, ask, pass_on);
  io.run();
  if (error) fail(ErrorKind::unavailable, "{} gives no answer: {}", address, error.message());
  if (parser.get().result() != http::status::ok)
    fail(ErrorKind::unavailable, "{} answers {}", address, parser.get().result_int());
  return parser.get().body();
}

std::vector<Outcome> exchange(const Target& target, const Load& load) {
  return Exchange(target, load).run();
}

}  // namespace fulmar::load
