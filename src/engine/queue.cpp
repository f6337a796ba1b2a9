// A mutex, a deque and three condition variables.
#include "engine/queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/fail.h"
#include "engine/prompt.h"

namespace fulmar {
namespace {

// A year at most: clocks overflow, and NaN is no time at all.
std::chrono::duration<double> limit(double seconds) {
  return std::chrono::duration<double>(seconds > 0 ? std::min(seconds, 3.2e7) : 0.0);
}

uint64_t weight_of(const std::vector<Job>& jobs) {
  uint64_t tokens = 0;
  const Request* last = nullptr;
  for (const Job& job : jobs)
    if (job.request.get() != std::exchange(last, job.request.get())) tokens += weight_of(*job.request->prompt);
  return tokens;
}

}  // namespace

void Queue::push(std::vector<Job> jobs) {
  const uint64_t tokens = weight_of(jobs);
  const bool vectors = !jobs.empty() && jobs[0].request->embed;
  if (jobs.size() > max_jobs_)
    refuse_field(vectors ? "input" : "n", "{} {} at once are more than the {} that --queue lets wait", jobs.size(),
                 vectors ? "texts" : "answers", max_jobs_);
  if (tokens > max_tokens_)
    refuse_field(vectors ? "input" : "prompt", "{} tokens are more than the {} that --queue-tokens lets wait", tokens,
                 max_tokens_);
  {
    std::lock_guard lock(mutex_);
    if (!why_not().empty()) throw Error(ErrorKind::unavailable, why_not());
    if (jobs.size() > max_jobs_ - jobs_.size())
      fail(ErrorKind::busy, "{} requests are waiting already; try again later", jobs_.size());
    if (tokens > max_tokens_ - tokens_)
      fail(ErrorKind::busy, "prompts of {} tokens are waiting already; try again later", tokens_);
    jobs_.insert(jobs_.end(), std::move_iterator(jobs.begin()), std::move_iterator(jobs.end()));
    tokens_ += tokens;
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

Job Queue::take(std::deque<Job>::iterator at) {
  Job job = std::move(*at);
  at = jobs_.erase(at);
  const bool shared = (at != jobs_.end() && at->request == job.request) ||
                      (at != jobs_.begin() && std::prev(at)->request == job.request);
  if (!shared) tokens_ -= weight_of(*job.request->prompt);
  size_ = static_cast<uint32_t>(jobs_.size());
  return job;
}

std::optional<Job> Queue::pop() {
  std::lock_guard lock(mutex_);
  if (jobs_.empty()) return std::nullopt;
  return take(jobs_.begin());
}

std::optional<Job> Queue::pop_closed() {
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [](const Job& job) { return job.sink->closed(); });
  if (found == jobs_.end()) return std::nullopt;
  return take(found);
}

}  // namespace fulmar
