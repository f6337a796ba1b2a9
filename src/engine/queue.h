// The bounded queue between the threads that submit and the engine thread, and the orders that go with it.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
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
  std::string refusal() const;  // empty while jobs are taken
  void give(Order order);
  // Waits until the queue is empty and the engine thread asks for work with nothing in hand; false after
  // `seconds`.
  bool wait_idle(double seconds);
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }

  // The engine thread. Waits for a job or an order where `idle`; the order is taken by being returned.
  Order next(bool idle);
  std::optional<Job> pop();
  // Moves the jobs whose sinks were closed to `dropped`, to be destroyed without the lock.
  void take_closed(std::vector<Job>& dropped);

 private:
  mutable std::mutex mutex_;
  std::condition_variable work_, idle_changed_;
  std::deque<Job> jobs_;
  std::atomic<uint32_t> size_{0};  // of jobs_, for who only looks
  const uint32_t capacity_;
  std::string refusal_;
  Order order_ = Order::run;
  bool idle_ = false;
};

}  // namespace fulmar
