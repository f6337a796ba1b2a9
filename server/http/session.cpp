// The connection's coroutine. Asio moves the bytes and Beast parses them; answers are written by hand.
#include "http/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "base/log.h"
#include "http/auth.h"

namespace fulmar::http {

namespace beast = boost::beast;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

namespace {

constexpr size_t kRead = 64 << 10;       // bytes asked of the socket at once
constexpr size_t kFirst = 4 << 10;       // the same where only little is expected: most connections are idle
constexpr size_t kPipelined = 64 << 10;  // bytes kept of what a client sends before it has its answer
constexpr size_t kPiece = 256 << 10;     // bytes written under one deadline
constexpr std::chrono::milliseconds kLinger{2'000};

}  // namespace

struct Session::Incoming {
  beast::http::request_parser<beast::http::string_body> parser;
  Request request;
  Match match;
  bool has_body = false;
};

struct Session::Refusal {
  Response response;
  Refusal(int status, std::string_view message, std::string_view code)
      : response(error_response(status, message, code)) {}
  explicit Refusal(Response given) : response(std::move(given)) {}
};

void Session::start(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared, bool refuse) {
  auto session = std::make_shared<Session>(std::move(socket), shared);
  {
    const std::lock_guard lock(shared->mutex);
    shared->open.emplace(session.get(), session);
  }
  auto work = refuse ? session->refuse({503, "too many connections; try again later", "too_many_connections"})
                     : session->run();
  asio::co_spawn(session->socket_.get_executor(), std::move(work), [session](std::exception_ptr failure) {
    if (session->reply_) session->reply_->abandon();
    session->disarm();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log_error("connection dropped: {}", error.what());
    }
  });
}

Session::Session(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      socket_(std::move(socket)),
      wake_(socket_.get_executor(), asio::steady_timer::time_point::max()),
      deadline_(socket_.get_executor()) {}

Session::~Session() {
  if (reply_) reply_->abandon();
  const std::lock_guard lock(shared_->mutex);
  shared_->open.erase(this);
}

void Session::drain() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->idle_) self->socket_.cancel();
  });
}

void Session::close() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->closing_ = true;
    error_code ignored;
    self->socket_.close(ignored);
    self->wake_.cancel();
  });
}

// After `time` whatever the socket does is cancelled and timed_out_ says why.
void Session::arm(std::chrono::milliseconds time) {
  timed_out_ = false;
  deadline_.expires_after(time);
  deadline_.async_wait([weak = weak_from_this(), mine = ++armed_](error_code error) {
    const auto self = weak.lock();
    if (error || !self || self->armed_ != mine) return;
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Session::disarm() {
  ++armed_;
  deadline_.cancel();
}

asio::awaitable<void> Session::run() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  for (bool more = true; more;) {
    std::optional<Refusal> refusal;
    try {
      more = co_await exchange();
    } catch (Refusal& thrown) {
      refusal = std::move(thrown);
    }
    if (refusal) {
      co_await refuse(std::move(*refusal));
      co_return;
    }
  }
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

asio::awaitable<void> Session::refuse(Refusal refusal) {
  std::string bytes = head_of(refusal.response, Body::sized, false);
  if (!head_only_) bytes += refusal.response.body;
  if (co_await send(bytes)) co_await linger();
}

// Reads on for a while: closing with bytes unread resets the connection, and the answer would be lost with
// it.
asio::awaitable<void> Session::linger() {
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  arm(kLinger);
  buffer_.clear();
  while (!error)
    co_await socket_.async_read_some(buffer_.prepare(kRead), redirect_error(use_awaitable, error));
}

asio::awaitable<bool> Session::await_first_byte() {
  if (buffer_.size() > 0) co_return true;
  if (shared_->draining) co_return false;
  if (buffer_.capacity() > 2 * kFirst) buffer_.shrink_to_fit();
  error_code error;
  arm(std::exchange(first_, false) ? shared_->options.limits.header_time : shared_->options.limits.idle_time);
  idle_ = true;
  const size_t got =
      co_await socket_.async_read_some(buffer_.prepare(kFirst), redirect_error(use_awaitable, error));
  idle_ = false;
  buffer_.commit(got);
  co_return got > 0;
}

// Parses, and reads what is missing, up to the end of the head or of the whole message.
asio::awaitable<bool> Session::feed(Incoming& incoming, bool whole) {
  auto& parser = incoming.parser;
  while (whole ? !parser.is_done() : !parser.is_header_done()) {
    error_code error;
    if (buffer_.size() > 0) {
      const size_t used = parser.put(buffer_.data(), error);
      buffer_.consume(used);
      if (error == beast::http::error::header_limit)
        throw Refusal(431, "the request's header is too large", "header_too_large");
      if (error == beast::http::error::body_limit)
        throw Refusal(
            413,
            fmt::format("the request's body is larger than {} bytes", shared_->options.limits.body_bytes),
            "too_large");
      if (error && error != beast::http::error::need_more)
        throw Refusal(400, fmt::format("malformed HTTP: {}", error.message()), "malformed_http");
      if (used > 0) continue;
    }
    error.clear();
    const size_t got =
        co_await socket_.async_read_some(buffer_.prepare(kRead), redirect_error(use_awaitable, error));
    buffer_.commit(got);
    if (got > 0) continue;
    if (timed_out_) throw Refusal(408, "the request took too long to arrive", "timeout");
    if (error == asio::error::eof) throw Refusal(400, "the request ends before its time", "truncated");
    co_return false;
  }
  co_return true;
}

asio::awaitable<bool> Session::exchange() {
  head_only_ = false;
  if (!co_await await_first_byte()) co_return false;

  const Limits& limits = shared_->options.limits;
  Incoming in;
  in.parser.header_limit(static_cast<uint32_t>(limits.header_bytes));
  in.parser.body_limit(limits.body_bytes);
  arm(limits.header_time);
  if (!co_await feed(in, false)) co_return false;
  take_head(in);

  // What the head alone rules out is answered before the body is read.
  std::optional<Response> early = answer_to_head(in);
  if (early && in.has_body) throw Refusal(std::move(*early));
  reply_ = std::make_shared<Reply>();
  if (early) {
    reply_->respond(std::move(*early));
  } else {
    if (in.has_body && !co_await read_body(in)) co_return false;
    handle(in);
  }
  disarm();

  // The Reply's thread posts to this strand; the weak pointer lets it outlive the connection.
  reply_->wake_by([executor = socket_.get_executor(), weak = weak_from_this()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->wake_.cancel();
    });
  });
  sent_ = false;
  using namespace asio::experimental::awaitable_operators;
  co_await (send_reply(*reply_) || watch(*reply_));
  reply_->abandon();
  reply_.reset();
  co_return sent_&& keep_alive_;
}

void Session::take_head(Incoming& in) {
  const auto& message = in.parser.get();
  in.request.method = message.method_string();
  split_target(std::string_view(message.target().data(), message.target().size()), in.request);
  for (const auto& field : message)
    in.request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  in.has_body = !in.parser.is_done();
  head_only_ = in.request.method == "HEAD";
  old_version_ = message.version() < 11;
  keep_alive_ = message.keep_alive();
  if (message.version() != 10 && message.version() != 11)
    throw Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here", "bad_version");
  if (!in.request.header("Transfer-Encoding").empty() && !in.parser.chunked())
    throw Refusal(501, "of transfer encodings only chunked is known", "bad_transfer_encoding");
}

std::optional<Response> Session::answer_to_head(Incoming& in) {
  if (in.request.method == "OPTIONS") return Response{204, {{"Access-Control-Max-Age", "86400"}}, {}, {}};
  in.match = shared_->router.find(in.request.method, in.request.path);
  const Route* route = in.match.route;
  if (!(route && route->open) && !authorized(in.request.header("Authorization"), shared_->options.password))
    return error_response(
        Error(ErrorKind::unauthorized, "a valid password is needed: Authorization: Bearer <password>"));
  if (route) return std::nullopt;
  if (in.match.allow.empty())
    return error_response(Error(ErrorKind::not_found, fmt::format("there is no {}", in.request.path)));
  Response response =
      error_response(Error(ErrorKind::bad_method, fmt::format("{} takes {}, not {}", in.request.path,
                                                              in.match.allow, in.request.method)));
  response.headers.push_back({"Allow", in.match.allow});
  return response;
}

asio::awaitable<bool> Session::read_body(Incoming& in) {
  const std::string_view expect = in.request.header("Expect");
  if (!expect.empty() && !beast::iequals({expect.data(), expect.size()}, "100-continue"))
    throw Refusal(417, "of expectations only 100-continue is known", "bad_expectation");
  if (!expect.empty() && buffer_.size() == 0 && !co_await send("HTTP/1.1 100 Continue\r\n\r\n"))
    co_return false;
  arm(shared_->options.limits.body_time);
  in.parser.eager(true);
  const bool whole = co_await feed(in, true);
  if (whole) in.request.body = std::move(in.parser.get().body());
  co_return whole;
}

// Runs the route's handler; what it throws becomes the answer.
void Session::handle(Incoming& in) {
  in.request.param = in.match.param;
  try {
    in.match.route->handler(in.request, reply_);
  } catch (const Error& error) {
    reply_->respond(error_response(error));
  } catch (const std::exception& error) {
    log_error("{} {}: {}", in.request.method, in.request.path, error.what());
    reply_->respond(error_response(500, "something went wrong inside the server", "internal_error"));
  }
  in.request.body = {};  // it may be large and the answer may take long
}

asio::awaitable<void> Session::send_reply(Reply& reply) {
  bool begun = false;
  for (;;) {
    Reply::Part part = reply.take();
    std::string out;
    if (part.head) {
      const Body body = !part.streamed ? Body::sized : old_version_ ? Body::until_close : Body::chunked;
      keep_alive_ = keep_alive_ && body != Body::until_close && !shared_->draining;
      out = head_of(*part.head, body, keep_alive_);
      if (!part.streamed && !head_only_) out += part.head->body;
      begun = true;
    }
    if (begun && part.streamed && !head_only_) {
      if (old_version_) {
        out += part.bytes;
      } else {
        if (!part.bytes.empty()) out += chunk_of(part.bytes);
        if (part.done) out += chunk_of({});
      }
    }
    if (closing_ || !co_await send(out)) {
      reply.abandon();
      co_return;
    }
    if (part.done) {
      sent_ = begun;
      co_return;
    }
    // A wake-up during send() found nobody waiting, so only an empty take() may be followed by a wait.
    if (!out.empty()) continue;
    error_code ignored;
    co_await wake_.async_wait(redirect_error(use_awaitable, ignored));
  }
}

// Reads while the answer is made, for that is how a client that left shows; what comes is the next request's.
asio::awaitable<void> Session::watch(Reply& reply) {
  error_code error;
  while (!error && buffer_.size() < kPipelined) {
    const size_t got =
        co_await socket_.async_read_some(buffer_.prepare(kFirst), redirect_error(use_awaitable, error));
    buffer_.commit(got);
  }
  if (!error) {  // far ahead of us: it is there, and it will wait
    asio::steady_timer never(socket_.get_executor(), asio::steady_timer::time_point::max());
    co_await never.async_wait(use_awaitable);
  }
  if (!sent_) reply.abandon();
}

asio::awaitable<bool> Session::send(std::string_view bytes) {
  error_code error;
  while (!bytes.empty() && !error) {
    const std::string_view piece = bytes.substr(0, kPiece);
    arm(shared_->options.limits.write_time);
    co_await asio::async_write(socket_, asio::buffer(piece.data(), piece.size()),
                               redirect_error(use_awaitable, error));
    disarm();
    bytes.remove_prefix(piece.size());
  }
  co_return !error;
}

}  // namespace fulmar::http
