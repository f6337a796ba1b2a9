// The connections on Asio and Beast; see exchange.h.
#include "exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
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

// The head of a request, whose last field is `last`.
std::string head_of(const Target& target, const char* method, const std::string& path, const std::string& last) {
  const std::string key = target.password.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", target.password);
  return fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}{}\r\n", method, target.base, path, host_field(target), key,
                     last);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // both are Asio's, and fit: GCC has inlined one and not the other
#endif

// One connection, which a time limit closes. The few kinds of waiting that all of it is made of stand here alone: the compiler
// takes a second for each.
class Connection {
 public:
  using Parser = http::response_parser<http::buffer_body>;

  Connection(asio::io_context& io, double timeout_seconds) : wire_(std::make_shared<Wire>(io)), limit_(io) {
    limit_.expires_after(seconds(timeout_seconds));
    limit_.async_wait([wire = std::weak_ptr(wire_)](error_code error) {
      const std::shared_ptr<Wire> open = wire.lock();
      if (error || !open) return;
      open->late = true;
      open->socket.close(error);
    });
    parser_.eager(true);
    parser_.header_limit(most_header_bytes);
  }
  Parser& parser() { return parser_; }

  // By the first of the addresses that takes it.
  asio::awaitable<void> connect(const std::vector<tcp::endpoint>& endpoints, error_code& error) {
    error = asio::error::host_not_found;
    for (const tcp::endpoint& endpoint : endpoints) {
      error_code ignored;
      wire_->socket.close(ignored);
      co_await wire_->socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
      if (late(error) || !error) break;
    }
    if (!error) wire_->socket.set_option(tcp::no_delay(true), error);
  }

  asio::awaitable<void> write(std::string_view bytes, error_code& error) {
    while (!bytes.empty() && !error) {
      const size_t written =
          co_await wire_->socket.async_write_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      bytes.remove_prefix(written);
    }
    late(error);
  }

  // Waits for bytes and hands those of the body to `take`, until the parser is done, it answers false, or there is an error.
  asio::awaitable<void> read(const std::function<bool(std::string_view)>& take, error_code& error) {
    std::array<char, read_bytes> bytes;
    std::string held;  // what the parser has not taken yet
    while (!parser_.is_done() && !error) {
      const size_t count = co_await wire_->socket.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      if (late(error)) break;
      if (error == asio::error::eof) {
        error = http::error::end_of_stream;
        if (parser_.got_some()) parser_.put_eof(error);
      }
      if (error) break;
      held.append(bytes.data(), count);
      if (!parse(held, take, error)) break;
    }
  }

 private:
  struct Wire {
    explicit Wire(asio::io_context& io) : socket(io) {}
    tcp::socket socket;
    bool late = false;
  };

  // An error that comes of the limit is one of time.
  bool late(error_code& error) const {
    if (wire_->late) error = beast::error::timeout;
    return wire_->late;
  }

  bool parse(std::string& held, const std::function<bool(std::string_view)>& take, error_code& error) {
    std::array<char, read_bytes> body;
    while (!held.empty() && !parser_.is_done()) {
      parser_.get().body().data = body.data();
      parser_.get().body().size = body.size();
      const size_t count = parser_.put(asio::const_buffer(held.data(), held.size()), error);
      held.erase(0, count);
      const std::string_view news(body.data(), body.size() - parser_.get().body().size);
      if (!news.empty() && !take(news)) return false;
      if (error == http::error::need_more || (!error && count == 0)) {
        error = {};
        return true;
      }
      if (error == http::error::need_buffer) error = {};
      if (error) return false;
    }
    return true;
  }

  const std::shared_ptr<Wire> wire_;
  asio::steady_timer limit_;
  Parser parser_;
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

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
    Connection connection(io_, target_.timeout_seconds);
    co_await connection.connect(endpoints_, error);
    if (error) co_return failed(error == beast::error::timeout ? Fault::timeout : Fault::refused);

    const std::string fields = fmt::format("Content-Type: application/json\r\nAccept: {}\r\nContent-Length: {}\r\n",
                                           load_.stream ? "text/event-stream" : "application/json", body.size());
    const std::string request = head_of(target_, "POST", load_.path, fields) + body;
    // A server may answer before it has read all, and close: what it said is read all the same.
    co_await connection.write(request, error);
    if (error == beast::error::timeout) co_return failed(Fault::timeout);
    error = {};

    Connection::Parser& parser = connection.parser();
    parser.body_limit(boost::none);
    std::optional<AnswerReader> reader;
    std::string wrong;  // what a status that is not 200 says
    const auto good = [&parser] { return parser.is_header_done() && parser.get().result() == http::status::ok; };
    const auto read_by = [&]() -> AnswerReader& {
      const std::string_view type = parser.get()[http::field::content_type];
      if (!reader) reader.emplace(outcome, load_.stream && type.find("event-stream") != type.npos);
      return *reader;
    };
    const std::function<bool(std::string_view)> take = [&](std::string_view news) {
      if (good()) return read_by().push(news, seconds_since(sent));
      wrong.append(news.substr(0, std::min(news.size(), most_complaint_bytes - wrong.size())));
      return true;
    };
    co_await connection.read(take, error);
    if (outcome.fault != Fault::none) co_return;
    // A stream whose end mark came has said all, whatever the connection does then.
    if (error && !(good() && read_by().done())) co_return failed(fault_of(error));
    if (good()) co_return read_by().finish(seconds_since(sent), parser.chunked() || parser.content_length().has_value());
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
  Connection connection(io, target.timeout_seconds);
  connection.parser().body_limit(most_list_bytes);
  std::string answer;
  const std::function<bool(std::string_view)> take = [&answer](std::string_view news) {
    answer += news;
    return true;
  };
  const auto ask = [&]() -> asio::awaitable<void> {
    co_await connection.connect(resolve(io, target), error);
    if (!error) co_await connection.write(head_of(target, "GET", path, ""), error);
    if (!error) co_await connection.read(take, error);
    io.stop();  // nobody waits for the limit
  };
  asio::co_spawn(io, ask(), pass_on);
  io.run();
  if (error) fail(ErrorKind::unavailable, "{} gives no answer: {}", address, error.message());
  const auto& answered = connection.parser().get();
  if (answered.result() != http::status::ok) fail(ErrorKind::unavailable, "{} answers {}", address, answered.result_int());
  return answer;
}

std::vector<Outcome> exchange(const Target& target, const Load& load) {
  return Exchange(target, load).run();
}

}  // namespace fulmar::load
