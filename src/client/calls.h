// The requests of a client, what their handlers are still to be told, and telling them, one handler at a time.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/call.h"
#include "client/failed.h"
#include "client/socket.h"

namespace fulmar::client::impl {

struct Request {
  uint64_t id = 0;
  fulmar_client_handlers handlers{};
  Call call;

  // Under the mutex of Calls:
  std::string text;  // as far as it has come
  size_t told = 0;   // bytes of it that on_stream had
  bool ended = false;
  std::optional<Failed> failure;
  bool waits_to_be_told = false;
};

// All of it may be called from any thread. No handler runs while the mutex is held.
class Calls {
 public:
  static constexpr size_t most = 256;        // requests under way
  static constexpr size_t most_text = 16 << 20;  // bytes of one answer

  // For the caller. A failure instead of a call ends the request before it begins.
  uint64_t add(const fulmar_client_handlers& handlers, Call call, std::optional<Failed> failure);
  void cancel(uint64_t id);
  void close();  // afterwards no handler is running, but one that has called this, and none is called any more

  // For the thread that speaks to the server.
  std::vector<std::shared_ptr<Request>> take_new();
  void say(Request& request, std::string_view text);  // throws Failed
  void end(const std::shared_ptr<Request>& request, std::optional<Failed> failure);
  bool has_ended(const Request& request);
  bool is_closed();
  bool has_news();  // something to tell
  Waiter& waiter() { return waiter_; }

  // Calls the handlers of what has come by now, after up to so long where nothing has; answers how many calls it made.
  size_t deliver(int wait_milliseconds);

 private:
  void end_locked(const std::shared_ptr<Request>& request, std::optional<Failed> failure);
  void note(const std::shared_ptr<Request>& request);
  size_t tell(const std::shared_ptr<Request>& request, std::unique_lock<std::mutex>& lock);
  static void release(Request& request);

  std::mutex mutex_;
  std::condition_variable something_to_tell_, quiet_;
  Waiter waiter_;
  uint64_t last_id_ = 0;
  bool closed_ = false;
  std::map<uint64_t, std::shared_ptr<Request>> requests_;
  std::vector<std::shared_ptr<Request>> new_;
  std::deque<std::shared_ptr<Request>> to_tell_;
  std::thread::id teller_;  // the thread that is in deliver()
  std::shared_ptr<Request> being_told_;
};

}  // namespace fulmar::client::impl
