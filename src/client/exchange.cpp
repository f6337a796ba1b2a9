// A connection for each request: what goes wrong in one is of no concern to the others.
#include "client/exchange.h"

#include <algorithm>
#include <utility>

#include "client/failed.h"

namespace fulmar::client::impl {
namespace {

// Bytes read of one request before the others have their turn.
constexpr size_t most_in_a_step = 1 << 20;

std::string seconds(std::chrono::milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 ? '.' + std::to_string(tenths % 10) : "") + " s";
}

}  // namespace

Exchange::Exchange(std::shared_ptr<Request> request, const Server& server, const Timeouts& timeouts)
    : request_(std::move(request)), server_(server), timeouts_(timeouts) {
  begin(request_->call.kind);
}

void Exchange::begin(Call::Kind kind) {
  to_send_ = request_text(server_, kind == request_->call.kind ? request_->call : Call{kind, {}});
  sent_ = 0;
  broken_ = false;
  response_ = {};
  answer_ = std::make_unique<Answer>(kind);
  socket_.close();
  where_ = Where::finding;
  deadline_ = connect_deadline_ = Clock::now() + timeouts_.connect;
}

std::string Exchange::place() const {
  const bool is_ipv6 = server_.host.find(':') != server_.host.npos;
  return (is_ipv6 ? '[' + server_.host + ']' : server_.host) + ':' + server_.port;
}

std::chrono::milliseconds Exchange::patience() const {
  return request_->call.kind == Call::Kind::switch_model ? timeouts_.load : timeouts_.idle;
}

Waiter::Wish Exchange::wish() const {
  const bool sends = where_ == Where::connecting || (!broken_ && sent_ < to_send_.size());
  return {&socket_, where_ == Where::talking, sends};
}

void Exchange::fail_if_late(Clock::time_point now) const {
  if (now < deadline_) return;
  if (where_ == Where::talking)
    throw Failed{FULMAR_CLIENT_TIMED_OUT, "the server at " + place() + " has been silent for " + seconds(patience())};
  throw Failed{FULMAR_CLIENT_TIMED_OUT, (where_ == Where::finding ? "no address was found for " : "no connection to ") + place() +
                                            " within " + seconds(timeouts_.connect)};
}

void Exchange::found(const FoundAddresses& found) {
  if (found.addresses.empty())
    throw Failed{FULMAR_CLIENT_UNREACHABLE, "no server of the name \"" + server_.host + "\" is known: " + found.error};
  addresses_ = found.addresses;
  std::reverse(addresses_.begin(), addresses_.end());
  where_ = Where::connecting;
  connect_next();
}

// The last of the addresses; each has an equal part of the time that is left.
void Exchange::connect_next() {
  while (!addresses_.empty()) {
    const Address address = addresses_.back();
    const auto left = connect_deadline_ - Clock::now();
    deadline_ = Clock::now() + left / static_cast<int>(addresses_.size());
    addresses_.pop_back();
    switch (socket_.connect(address)) {
      case Socket::Outcome::done: return connect_step();
      case Socket::Outcome::wait: return;
      default: connect_error_ = socket_.error();
    }
  }
  throw Failed{FULMAR_CLIENT_UNREACHABLE, "no server listens at " + place() + ": " + connect_error_};
}

void Exchange::connect_step() {
  if (socket_.connected() == Socket::Outcome::failed) {
    connect_error_ = socket_.error();
    return connect_next();
  }
  where_ = Where::talking;
  deadline_ = Clock::now() + patience();
}

void Exchange::send_step() {
  while (!broken_ && sent_ < to_send_.size()) {
    const Socket::Moved moved = socket_.send(to_send_.data() + sent_, to_send_.size() - sent_);
    if (moved.outcome == Socket::Outcome::wait) return;
    if (moved.outcome != Socket::Outcome::done) {  // what the server said before it hung up tells more
      broken_ = true;
      return;
    }
    sent_ += moved.bytes;
    deadline_ = Clock::now() + patience();
  }
}

bool Exchange::receive_step(Calls& calls, std::vector<char>& buffer) {
  const Answer::Say say = [&](std::string_view text) { calls.say(*request_, text); };
  const ResponseReader::Body body = [&](std::string_view piece) { answer_->take(response_, piece, say); };
  for (size_t read = 0; read < most_in_a_step;) {
    const Socket::Moved moved = socket_.receive(buffer.data(), buffer.size());
    if (moved.outcome == Socket::Outcome::wait) return false;
    const bool closes = request_->call.kind == Call::Kind::close && !response_.has_head();
    if (moved.outcome != Socket::Outcome::done && closes && sent_ == to_send_.size()) {
      calls.end(request_, {});  // a server that ends at once does what it was asked to
      return true;
    }
    if (moved.outcome == Socket::Outcome::failed)
      throw Failed{FULMAR_CLIENT_DISCONNECTED, "the connection to " + place() + " broke: " + socket_.error()};
    if (moved.outcome == Socket::Outcome::ended) {
      if (!answer_->done()) response_.end();
      return finish(calls);
    }
    read += moved.bytes;
    deadline_ = Clock::now() + patience();
    response_.take({buffer.data(), moved.bytes}, body);
    if (response_.done() || answer_->done()) return finish(calls);
  }
  return false;
}

bool Exchange::finish(Calls& calls) {
  answer_->end(response_, [&](std::string_view text) { calls.say(*request_, text); });
  if (answer_->wants_health()) {
    begin(Call::Kind::health);
    return false;
  }
  calls.end(request_, {});
  return true;
}

bool Exchange::step(bool ready, Calls& calls, std::vector<char>& buffer) {
  if (!ready) {
    if (where_ == Where::connecting && !addresses_.empty() && Clock::now() >= deadline_) {
      connect_error_ = "it does not answer";
      connect_next();
    }
    return false;
  }
  if (where_ == Where::connecting) connect_step();
  if (where_ != Where::talking) return false;
  send_step();
  return receive_step(calls, buffer);
}

}  // namespace fulmar::client::impl
