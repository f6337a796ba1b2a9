// A mutex, a deque and two condition variables.
#include "engine/queue.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace fulmar {
namespace {

// A year at most: clocks overflow, and NaN is no time at all.
std::chrono::duration<double> limit(double seconds) {
  return std::chrono::duration<double>(seconds > 0 ? std::min(seconds, 3.2e7) : 0.0);
}

}  // namespace

void Queue::push(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (!why_not().empty()) throw Error(ErrorKind::unavailable, why_not());
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

void Queue::pause(const std::string& reason) {
  std::lock_guard lock(mutex_);
  pause_ = reason;
}

void Queue::resume() {
  pause({});
}

std::string Queue::refusal() const {
  std::lock_guard lock(mutex_);
  return why_not();
}

bool Queue::refuses_for_good() const {
  std::lock_guard lock(mutex_);
  return !refusal_.empty();
}

void Queue::give(Order order) {
  {
    std::lock_guard lock(mutex_);
    order_ = std::max(order_, order);
  }
  work_.notify_one();
}

bool Queue::wait_idle(double seconds) {
  std::unique_lock lock(mutex_);
  return idle_changed_.wait_for(lock, limit(seconds), [this] { return idle_ && jobs_.empty(); });
}

void Queue::call(std::function<void()> task, double seconds) {
  const auto call = std::make_shared<Call>();
  call->task = std::move(task);
  std::unique_lock lock(mutex_);
  if (!why_not().empty()) throw Error(ErrorKind::unavailable, why_not());
  if (call_) fail(ErrorKind::busy, "the model is being changed already; try again later");
  call_ = call;
  work_.notify_one();
  if (!call_changed_.wait_for(lock, limit(seconds), [&] { return call->started; })) {
    call_.reset();
    fail(ErrorKind::busy, "requests were still under way after {} seconds; nothing was changed", seconds);
  }
  call_changed_.wait(lock, [&] { return call->done; });
  if (call->error) std::rethrow_exception(call->error);
}

bool Queue::has_call() const {
  std::lock_guard lock(mutex_);
  return call_ != nullptr;
}

void Queue::answer_call(const Error* refused) {
  std::shared_ptr<Call> call;
  {
    std::lock_guard lock(mutex_);
    if (!call_) return;  // given up meanwhile
    call = call_;
    call->started = true;
  }
  call_changed_.notify_all();
  std::exception_ptr error;
  try {
    if (refused) throw Error(*refused);
    call->task();
  } catch (...) {
    error = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  call->error = error;
  call->done = true;
  call_.reset();
  call_changed_.notify_all();
}

Order Queue::next(bool idle) {
  std::unique_lock lock(mutex_);
  idle_ = idle;
  if (idle_) {
    idle_changed_.notify_all();
    work_.wait(lock, [this] { return !jobs_.empty() || call_ || order_ != Order::run; });
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
