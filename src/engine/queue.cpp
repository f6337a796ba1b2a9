// A mutex, a deque and two condition variables.
#include "engine/queue.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace fulmar {

void Queue::push(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (!refusal_.empty()) throw Error(ErrorKind::unavailable, refusal_);
    if (jobs_.size() >= capacity_)
      fail(ErrorKind::busy, "{} requests are waiting already; try again later", jobs_.size());
    jobs_.push_back(std::move(job));
    size_ = static_cast<uint32_t>(jobs_.size());
  }
  work_.notify_one();
}

void Queue::refuse(const std::string& reason) {
  std::lock_guard lock(mutex_);
  if (refusal_.empty()) refusal_ = reason;
}

std::string Queue::refusal() const {
  std::lock_guard lock(mutex_);
  return refusal_;
}

void Queue::give(Order order) {
  {
    std::lock_guard lock(mutex_);
    order_ = std::max(order_, order);
  }
  work_.notify_one();
}

bool Queue::wait_idle(double seconds) {
  // A year at most: clocks overflow, and NaN is no time at all.
  const std::chrono::duration<double> limit(seconds > 0 ? std::min(seconds, 3.2e7) : 0.0);
  std::unique_lock lock(mutex_);
  return idle_changed_.wait_for(lock, limit, [this] { return idle_ && jobs_.empty(); });
}

Order Queue::next(bool idle) {
  std::unique_lock lock(mutex_);
  idle_ = idle;
  if (idle_) {
    idle_changed_.notify_all();
    work_.wait(lock, [this] { return !jobs_.empty() || order_ != Order::run; });
    idle_ = false;
  }
  return std::exchange(order_, Order::run);
}

std::optional<Job> Queue::pop() {
  std::lock_guard lock(mutex_);
  if (jobs_.empty()) return std::nullopt;
  std::optional<Job> job(std::move(jobs_.front()));
  jobs_.pop_front();
  size_ = static_cast<uint32_t>(jobs_.size());
  return job;
}

void Queue::take_closed(std::vector<Job>& dropped) {
  std::lock_guard lock(mutex_);
  const auto closed = [](const Job& job) { return job.sink->closed(); };
  if (std::none_of(jobs_.begin(), jobs_.end(), closed)) return;
  std::deque<Job> kept;
  for (Job& job : jobs_) {
    if (closed(job))
      dropped.push_back(std::move(job));
    else
      kept.push_back(std::move(job));
  }
  jobs_ = std::move(kept);
  size_ = static_cast<uint32_t>(jobs_.size());
}

}  // namespace fulmar
