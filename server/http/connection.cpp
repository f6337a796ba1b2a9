// The connection's life: one request after another, each answered in order.
#include "http/connection.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <new>
#include <utility>

#include "base/log.h"
#include "http/keys.h"
#include "http/request_id.h"

namespace fulmar::http {

using boost::system::error_code;

namespace {

// Bytes of answers that the system keeps for a connection. Left to itself it keeps megabytes, and a client that
// reads nothing would be noticed only after minutes.
constexpr int kSendBuffer = 64 << 10;

}  // namespace

void Connection::start(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared, bool refuse) {
  auto connection = std::make_shared<Connection>(std::move(socket), shared);
  {
    const std::lock_guard lock(shared->mutex);
    shared->open.emplace(connection.get(), connection);
  }
  asio::co_spawn(connection->socket_.get_executor(), connection->run(refuse), [connection](std::exception_ptr failure) {
    if (connection->reply_) connection->reply_->abandon();
    connection->disarm();
    error_code ignored;
    connection->socket_.close(ignored);  // with it ends what may still read
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log_error("connection dropped: {}", error.what());
    }
  });
}

Connection::Connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)),
      socket_(std::move(socket)),
      wake_(socket_.get_executor()),
      deadline_(socket_.get_executor()) {}

Connection::~Connection() {
  if (reply_) reply_->abandon();
  const std::lock_guard lock(shared_->mutex);
  shared_->open.erase(this);
}

void Connection::drain() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    if (self->idle_) self->socket_.cancel(ignored);
  });
}

void Connection::close() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->closing_ = true;
    error_code ignored;
    self->socket_.close(ignored);
    self->wake_.cancel();
  });
}

void Connection::arm(std::chrono::milliseconds time) {
  arm_until(std::chrono::steady_clock::now() + time);
}

void Connection::arm_until(std::chrono::steady_clock::time_point until) {
  until_ = until;
  deadline_.expires_at(until_);
  deadline_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self || !self->over()) return;  // not over: it was armed again in the meantime
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Connection::disarm() {
  until_ = std::chrono::steady_clock::time_point::max();
  deadline_.cancel();
}

asio::awaitable<void> Connection::run(bool full) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::send_buffer_size(kSendBuffer), ignored);
  cors_ = shared_->access->lines({});
  std::optional<Refusal> refusal;
  wording_ = shared_->router.wording();
  traffic_ = shared_->router.traffic();
  if (full) id_ = new_request_id();
  if (full) refusal.emplace(503, "too many connections; try again later", "too_many_connections");
  for (bool more = !full; more;) {
    try {
      more = co_await exchange();
    } catch (Refusal& thrown) {
      refusal = std::move(thrown);
      more = false;
    }
  }
  if (refusal) co_await refuse(worded(wording_, refusal->failure));
  if (whole_ && !closing_) co_await linger();
}

asio::awaitable<bool> Connection::exchange() {
  method_ = path_ = "";
  who_.reset();
  cors_ = shared_->access->lines({});
  wording_ = shared_->router.wording();
  traffic_ = shared_->router.traffic();
  status_ = 0;
  head_only_ = keep_alive_ = whole_ = false;
  if (!co_await await_first_byte()) co_return false;

  started_ = std::chrono::steady_clock::now();
  id_ = new_request_id();
  auto in = std::make_shared<Incoming>(shared_);
  if (!co_await read_head(*in)) co_return false;
  // What the head alone rules out is answered before the body is read.
  std::optional<Response> early = answer_to_head(*in);
  if (early && in->head.has_body()) {
    co_await refuse(std::move(*early));
    co_return false;
  }
  if (!early && in->head.has_body() && !co_await read_body(*in)) co_return false;
  disarm();

  reply_ = std::make_shared<Reply>();
  // The Reply's thread posts to this strand; the weak pointer lets it outlive the connection.
  reply_->wake_by([executor = socket_.get_executor(), weak = weak_from_this()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->wake_.cancel();
    });
  });
  if (early) {
    reply_->respond(std::move(*early));
  } else {
    handle(std::move(in));
  }
  in.reset();  // the body may be large, and the answer take long
  try {
    co_await send_reply(*reply_);
  } catch (const std::exception& error) {  // a part of the answer could not be made
    log_error("{} {}: {}", method_, printable(path_, 200), error.what());
  }
  reply_->abandon();
  if (HolderPtr payer = reply_->settle(); !who_) who_ = std::move(payer);  // by the password in the body
  log_request();
  reply_.reset();
  co_await stop_watching();
  co_return whole_ && keep_alive_;
}

// Gives the request to the route's handler, here or on a worker.
void Connection::handle(std::shared_ptr<Incoming> in) {
  in->request.param = in->match.param;
  if (in->match.route->quick) return answer(*in, reply_);
  const bool taken = shared_->workers.post([in = std::move(in), reply = reply_]() mutable {
    if (!reply->gone()) answer(*in, reply);
    in.reset();
  });
  if (!taken)
    reply_->respond(worded(
        wording_, Failure(Error(ErrorKind::unavailable, "too many requests wait to be read; try again later"))));
}

// What the handler throws becomes the answer.
void Connection::answer(Incoming& in, const std::shared_ptr<Reply>& reply) noexcept {
  try {
    try {
      in.request.body = in.body.join();
      in.match.route->handler(in.request, reply);
    } catch (const Error& error) {
      reply->respond(worded(in.match.wording, Failure(error)));
    } catch (const std::bad_alloc&) {
      const Error error(ErrorKind::out_of_memory, "the host's memory did not suffice for the request");
      reply->respond(worded(in.match.wording, Failure(error)));
    } catch (const std::exception& error) {
      log_error("{} {}: {}", in.request.method, printable(in.request.path, 200), error.what());
      reply->respond(
          worded(in.match.wording, Failure(500, "something went wrong inside the server", "internal_error")));
    }
  } catch (...) {
    log_error("a request was dropped: the host's memory did not suffice even for an answer");
    reply->give_up();
  }
}

// One line a request, with nothing of its content, and a number more. A holder's name is a word too.
void Connection::log_request() const {
  const auto time = std::chrono::steady_clock::now() - started_;
  if (traffic_) traffic_->count(status_, std::chrono::duration<double>(time).count());
  const Reply::Tokens tokens = reply_ ? reply_->tokens() : Reply::Tokens{};
  const bool counted = tokens.prompt + tokens.completion > 0;
  const bool named = who_ && !who_->key.name.empty();
  log_info("{} {} {}{}{} {} ms{} id {}", method_.empty() ? "-" : method_, path_.empty() ? "-" : printable(path_, 200),
           status_, whole_ ? "" : " cut off",
           counted ? fmt::format(" {}+{} tokens", tokens.prompt, tokens.completion) : "",
           std::chrono::duration_cast<std::chrono::milliseconds>(time).count(),
           named ? fmt::format(" key {}", who_->key.name) : "", id_);
}

}  // namespace fulmar::http
