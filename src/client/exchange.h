// One request on its way: finding the server, connecting, sending, reading, each with its time limit; never blocking.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "client/answer.h"
#include "client/calls.h"
#include "client/response.h"
#include "client/socket.h"

namespace fulmar::client::impl {

using Clock = std::chrono::steady_clock;

struct Timeouts {
  std::chrono::milliseconds connect{10'000}, idle{120'000}, load{900'000};
};

class Exchange {
 public:
  // Throws Failed where the call cannot be worded for this server.
  Exchange(std::shared_ptr<Request> request, const Server& server, const Timeouts& timeouts);

  const std::shared_ptr<Request>& request() const { return request_; }
  bool wants_addresses() const { return where_ == Where::finding; }
  // Both throw Failed.
  void found(const FoundAddresses& found);
  // Does what can be done without waiting; true: the request has its end. `ready` as the waiter says.
  bool step(bool ready, Calls& calls, std::vector<char>& buffer);
  void fail_if_late(Clock::time_point now) const;

  Clock::time_point deadline() const { return deadline_; }
  bool waits_for_socket() const { return socket_.is_open(); }
  Waiter::Wish wish() const;

 private:
  enum class Where { finding, connecting, talking };

  void begin(Call::Kind kind);
  void connect_next();
  void connect_step();
  void send_step();
  bool receive_step(Calls& calls, std::vector<char>& buffer);
  bool finish(Calls& calls);
  std::string place() const;  // "127.0.0.1:8000"
  std::chrono::milliseconds patience() const;

  const std::shared_ptr<Request> request_;
  const Server& server_;
  const Timeouts& timeouts_;
  Where where_ = Where::finding;
  Clock::time_point deadline_, connect_deadline_;
  std::vector<Address> addresses_;  // still to be tried
  std::string connect_error_;
  Socket socket_;
  std::string to_send_;
  size_t sent_ = 0;
  bool broken_ = false;  // the server takes no more
  ResponseReader response_;
  std::unique_ptr<Answer> answer_;
};

}  // namespace fulmar::client::impl
