// The bounded queue between the threads that submit and the engine thread, and the orders that go with it.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/job.h"

namespace fulmar {

enum class Order { run, cancel, quit };  // cancel: end everything now; quit: that, then end the thread

class Queue {
 public:
  explicit Queue(uint32_t capacity) : capacity_(capacity) {}

  // Any thread. Throws Error(busy) when full, Error(unavailable) with the reason once refuse() was called.
  void push(Job job);
  // Every later push is refused; the first reason stays.
  void refuse(const std::string& reason);
  // The same until resume().
  void pause(const std::string& reason);
  void resume();
  std::string refusal() const;  // empty while jobs are taken
  bool refuses_for_good() const;
  void give(Order order);
  // Waits until the queue is empty and the engine thread asks for work with nothing in hand; false after
  // `seconds`.
  bool wait_idle(double seconds);
  // Any thread. Has the engine thread run `task` once the requests under way have ended; the ones waiting
  // begin after it. Returns when it is done and throws what it threw; Error(busy), without a change, when
  // requests were still under way after `seconds` or another task is waiting, Error(unavailable) after
  // refuse().
  void call(std::function<void()> task, double seconds);
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }

  // The engine thread. Waits for a job, a task or an order where `idle`; the order is taken by being
  // returned.
  Order next(bool idle);
  std::optional<Job> pop();
  // Whether a task waits. No request may begin until it is answered, that is run; or, with `refused`, failed.
  bool has_call() const;
  void answer_call(const Error* refused = nullptr);
  // Moves the jobs whose sinks were closed to `dropped`, to be destroyed without the lock.
  void take_closed(std::vector<Job>& dropped);

 private:
  struct Call {
    std::function<void()> task;
    bool started = false, done = false;
    std::exception_ptr error;
  };

  mutable std::mutex mutex_;
  std::condition_variable work_, idle_changed_, call_changed_;
  std::shared_ptr<Call> call_;
  std::deque<Job> jobs_;
  std::atomic<uint32_t> size_{0};  // of jobs_, for who only looks
  const uint32_t capacity_;
  std::string refusal_, pause_;
  const std::string& why_not() const { return refusal_.empty() ? pause_ : refusal_; }
  Order order_ = Order::run;
  bool idle_ = false;
};

}  // namespace fulmar
