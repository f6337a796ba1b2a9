// What comes in: bytes within their limits and times, heads, bodies.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "http/chunks.h"
#include "http/connection.h"
#include "http/request_id.h"

namespace fulmar::http {

using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

std::string_view Connection::unread() const {
  return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

asio::awaitable<size_t> Connection::read(size_t most) {
  if (over()) co_return 0;
  error_code error;
  const size_t got = co_await socket_.async_read_some(buffer_.prepare(most), redirect_error(use_awaitable, error));
  buffer_.commit(got);
  ended_ = error == asio::error::eof;
  co_return over() ? 0 : got;
}

// Nobody waits for bytes while it is his turn: what seems to have come may have been read already, and then there is
// nothing.
asio::awaitable<size_t> Connection::read_in_turn() {
  error_code error;
  socket_.non_blocking(true, error);
  for (;;) {
    co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, redirect_error(use_awaitable, error));
    if (over() || closing_) co_return 0;
    const Turns::Turn turn(shared_->large_reads, [executor = socket_.get_executor(), weak = weak_from_this()] {
      asio::post(executor, [weak] {
        if (const auto self = weak.lock()) self->wake_.cancel();
      });
    });
    while (!turn.mine()) {
      wake_.expires_after(kLook);
      co_await wake_.async_wait(redirect_error(use_awaitable, error));
      if (over() || closing_) co_return 0;
    }
    const size_t got = socket_.read_some(buffer_.prepare(kRead), error);
    buffer_.commit(got);
    ended_ = error == asio::error::eof;
    if (error != asio::error::would_block && error != asio::error::try_again) co_return got;
  }
}

asio::awaitable<bool> Connection::read_more() {
  // Not in the condition: GCC 12 then lays the coroutine's frame out wrongly.
  const size_t got = co_await read(kRead);
  if (got > 0) co_return true;
  if (over()) throw Refusal(408, "the request took too long to arrive", "timeout");
  if (ended_) throw Refusal(400, "the request ends before its time", "truncated");
  co_return false;
}

asio::awaitable<bool> Connection::await_first_byte() {
  const Limits& limits = shared_->options.limits;
  arm(std::exchange(first_, false) ? limits.header_time : limits.idle_time);
  for (;;) {
    // Some clients end a body with a line break that is not part of it; no request begins with that.
    while (unread().starts_with("\r\n")) buffer_.consume(2);
    if (!std::string_view("\r").starts_with(unread())) co_return true;
    if (shared_->draining) co_return false;
    buffer_.shrink_to_fit();  // an idle connection keeps no memory for bytes
    error_code error;
    socket_.non_blocking(true, error);
    idle_ = true;
    co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, redirect_error(use_awaitable, error));
    idle_ = false;
    if (error || closing_ || over()) co_return false;
    // What seems to have come may have been read already, and drain() would not end who waits for it in read().
    const size_t got = socket_.read_some(buffer_.prepare(kFirst), error);
    if (error == asio::error::would_block || error == asio::error::try_again) continue;
    buffer_.commit(got);
    ended_ = error == asio::error::eof;
    if (got == 0) co_return false;
  }
}

asio::awaitable<bool> Connection::read_head(Incoming& in) {
  const Limits& limits = shared_->options.limits;
  arm(limits.header_time);
  HeadParser parser(limits);
  for (;;) {
    std::string_view bytes = unread();
    const size_t before = bytes.size();
    parser.put(bytes);
    buffer_.consume(before - bytes.size());
    if (parser.done()) break;
    if (!co_await read_more()) co_return false;
  }
  in.head = std::move(parser.head());
  in.request.method = method_ = in.head.method;
  in.request.headers = std::move(in.head.headers);
  if (const std::string_view id = in.request.header("X-Request-Id"); is_request_id(id)) id_ = id;
  head_only_ = in.head.method == "HEAD";
  old_version_ = in.head.old;
  keep_alive_ = in.head.keep_alive;
  in.request.query = query_of(in.head.target);
  const bool plain = read_path(in.head.target, in.request.path, in.request.slash);
  path_ = in.request.path;
  if (!plain) {
    wording_ = shared_->router.find(in.request.method, in.request.path, in.request.slash).wording;
    malformed("the path has control characters");
  }
  co_return true;
}

std::optional<Response> Connection::answer_to_head(Incoming& in) {
  in.match = shared_->router.find(in.request.method, in.request.path, in.request.slash);
  wording_ = in.match.wording;
  if (in.match.route) traffic_ = in.match.route->traffic.get();
  if (const std::optional<Failure> failure = check_access(in)) return worded(wording_, *failure);
  if (in.request.method == "OPTIONS") return answer_to_options(in);
  const std::optional<Failure> failure = check_route(in);
  if (!failure) return set_most_body(in);
  Response response = worded(wording_, *failure);
  if (failure->status == 405) response.headers.push_back({"Allow", in.match.allow});
  return response;
}

// The answer instead, where the route has one for any body.
std::optional<Response> Connection::set_most_body(Incoming& in) {
  in.most_body = shared_->options.limits.body_bytes;
  try {
    if (in.match.route->most_body) in.most_body = in.match.route->most_body();
  } catch (const Error& error) {
    return worded(wording_, Failure(error));
  }
  return std::nullopt;
}

std::optional<Failure> Connection::check_access(const Incoming& in) {
  const Access& access = *shared_->access;
  const std::string_view origin = in.request.header("Origin");
  if (!in.head.host.empty() && !access.knows(in.head.host))
    return Failure(403,
                   fmt::format("this server is not called {}: a web page may have taken that name to reach "
                               "it; --allow-host {} lets it",
                               printable(in.head.host, 100), printable(in.head.host, 100)),
                   "host_not_allowed");
  cors_ = access.lines(origin);
  if (!access.admits(origin, in.head.authority))
    return Failure(403, fmt::format("pages of {} may not use this server; --cors lets them", origin),
                   "origin_not_allowed");
  const std::string_view expect = in.request.header("Expect");
  if (!expect.empty() && !in.head.old && !same_word(expect, "100-continue"))
    throw Refusal(417, "of expectations only 100-continue is known", "bad_expectation");
  return std::nullopt;
}

// Password, path and method.
std::optional<Failure> Connection::check_route(Incoming& in) {
  Request& request = in.request;
  const Route* route = in.match.route;
  request.who = who_ = shared_->keys->find(request);
  if (!(route && route->open) && !request.who)
    return Failure(
        Error(ErrorKind::unauthorized, "a valid password is needed: Authorization: Bearer <password>, or x-api-key: <password>"));
  if (route) return std::nullopt;
  if (in.match.allow.empty() && in.match.wording != shared_->router.wording())
    return Failure(Error(ErrorKind::not_found, fmt::format("there is no {} here", request.path)));
  if (in.match.allow.empty())
    return Failure(Error(
        ErrorKind::not_found, fmt::format("there is no {}; the base address for clients is http://{}{}", request.path,
                                          in.head.authority.empty() ? "HOST:PORT" : in.head.authority,
                                          shared_->options.api_root)));
  constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"};
  if (std::find(std::begin(known), std::end(known), request.method) == std::end(known))
    return Failure(501, fmt::format("there is no method {}", request.method), "unknown_method");
  return Failure(Error(
      ErrorKind::bad_method, fmt::format("{} takes {}, not {}", request.path, in.match.allow, request.method)));
}

Response Connection::answer_to_options(const Incoming& in) {
  const bool everything = in.request.path == "*" || (in.request.path == "/" && in.match.allow.empty());
  const bool preflight = !in.request.header("Access-Control-Request-Method").empty();
  // A preflight for a path that is not there passes, so that the page sees the 404 itself.
  const std::string allow = everything || in.match.allow.empty() ? shared_->router.methods() : in.match.allow;
  if (in.match.allow.empty() && !everything && !preflight)
    return worded(wording_, Failure(Error(ErrorKind::not_found, fmt::format("there is no {}", in.request.path))));
  cors_ = shared_->access->preflight_lines(in.request, allow);
  return Response{204, {{"Allow", allow}}, {}, {}};
}

struct Connection::Pace {
  std::chrono::steady_clock::time_point end;   // of the time for the whole body
  std::chrono::steady_clock::time_point look;  // when it is looked at
  size_t had = 0;                              // bytes of the body when it was last
};

asio::awaitable<bool> Connection::read_body(Incoming& in) {
  const Limits& limits = shared_->options.limits;
  const uint64_t length = in.head.length.value_or(0);
  if (length > in.most_body) keep(in, {});  // throws
  if (!in.request.header("Expect").empty() && !in.head.old && buffer_.size() == 0 &&
      !co_await send("HTTP/1.1 100 Continue\r\n\r\n"))
    co_return false;
  const auto now = std::chrono::steady_clock::now();
  Pace pace{now + limits.body_time, now + limits.progress_time};
  Chunks chunks(limits.header_bytes);
  for (;;) {
    std::string_view bytes = unread();
    const size_t before = bytes.size();
    if (in.head.chunked) {
      for (std::string_view piece; !(piece = chunks.next(bytes)).empty();) keep(in, piece);
    } else {
      const std::string_view piece = bytes.substr(0, static_cast<size_t>(length) - in.body.size());
      keep(in, piece);
      bytes.remove_prefix(piece.size());
    }
    buffer_.consume(before - bytes.size());
    if (in.head.chunked ? chunks.done() : in.body.size() == length) co_return true;
    keep_pace(in, pace);
    size_t got = 0;
    if (in.body.draws()) {
      got = co_await read_in_turn();
    } else {
      got = co_await read(kRead);
    }
    if (got > 0 || (over() && !ended_)) continue;
    if (ended_) throw Refusal(400, "the request ends before its time", "truncated");
    co_return false;
  }
}

// Sets the time for the next bytes. Throws where the body's is over, or where it comes so slowly that the memory it
// keeps from others counts for more.
void Connection::keep_pace(const Incoming& in, Pace& pace) {
  const Limits& limits = shared_->options.limits;
  const auto now = std::chrono::steady_clock::now();
  if (now >= pace.end) throw Refusal(408, "the request took too long to arrive", "timeout");
  if (now >= pace.look) {
    const bool crowded = shared_->body_bytes > limits.bodies_bytes / 2;
    if (crowded && in.body.draws() && in.body.size() - pace.had < limits.progress_bytes)
      throw Refusal(408, "the request's body came too slowly while others needed the memory it takes", "timeout");
    pace.had = in.body.size();
    pace.look = now + limits.progress_time;
  }
  const auto next = std::min(pace.look, pace.end);
  if (until_ != next) arm_until(next);
}

// Puts body bytes to those before.
void Connection::keep(Incoming& in, std::string_view piece) {
  const uint64_t length = in.head.length.value_or(in.most_body);
  if (in.body.size() + piece.size() > in.most_body || length > in.most_body)
    throw Refusal(
        Error(ErrorKind::too_large, fmt::format("the request's body is larger than {} bytes", in.most_body)));
  if (!in.body.put(piece, static_cast<size_t>(length)))
    throw Refusal(503, "too many large requests at once; try again later", "too_many_bodies");
}

// Reads on for a while: closing with bytes unread resets the connection, and the answer would be lost with
// it.
asio::awaitable<void> Connection::linger() {
  const Limits& limits = shared_->options.limits;
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  arm(limits.linger_time);
  for (size_t thrown_away = 0; thrown_away < limits.linger_bytes;) {
    buffer_.clear();
    const size_t got = co_await read_in_turn();
    if (got == 0) break;
    thrown_away += got;
  }
}

// Reads while the answer is made, for that is how a client that left shows; what comes is the next request's.
void Connection::watch() {
  if (watching_ || gone_ || buffer_.size() >= shared_->options.limits.pipelined_bytes) return;
  socket_.async_read_some(buffer_.prepare(kFirst), [self = shared_from_this()](error_code error, size_t got) {
    self->watching_ = false;
    self->buffer_.commit(got);
    if (self->reply_ && error) {  // without a reply the answer is out, and stop_watching() waits
      self->gone_ = true;
      self->reply_->abandon();
      self->socket_.cancel(error);
    } else if (self->reply_) {
      self->watch();
    }
    self->wake_.cancel();
  });
  watching_ = true;
}

asio::awaitable<void> Connection::stop_watching() {
  error_code ignored;
  if (!watching_) co_return;
  socket_.cancel(ignored);
  wake_.expires_at(asio::steady_timer::time_point::max());
  while (watching_) co_await wake_.async_wait(redirect_error(use_awaitable, ignored));
}

}  // namespace fulmar::http
