// A mutex, a list of deques and three condition variables.
#include "engine/queue.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/fail.h"
#include "engine/prompt.h"

namespace fulmar {
namespace {

// Those of jobs that wait for what others do: nobody tells when a client has left.
constexpr std::chrono::milliseconds look_at_sinks{100};

// A year at most: clocks overflow, and NaN is no time at all.
std::chrono::duration<double> limit(double seconds) {
  return std::chrono::duration<double>(seconds > 0 ? std::min(seconds, 3.2e7) : 0.0);
}

uint64_t weight_of(const std::vector<Job>& jobs) {
  uint64_t tokens = 0;
  const Request* last = nullptr;
  for (const Job& job : jobs)
    if (job.request.get() != std::exchange(last, job.request.get())) tokens += weight_of(*job.request);
  return tokens;
}

}  // namespace

void Queue::push(std::vector<Job> jobs) {
  if (jobs.empty()) return;
  const uint64_t tokens = weight_of(jobs);
  const bool vectors = jobs[0].request->embed;
  if (jobs.size() > max_jobs_)
    refuse_field(vectors ? "input" : "n", "{} {} at once are more than the {} that --queue lets wait", jobs.size(),
                 vectors ? "texts" : "answers", max_jobs_);
  if (tokens > max_tokens_)
    refuse_field(vectors ? "input" : "prompt", "{} tokens are more than the {} that --queue-tokens lets wait", tokens,
                 max_tokens_);
  Parties fresh(1);
  fresh.front().owner = jobs[0].sink;
  {
    std::lock_guard lock(mutex_);
    const auto known = party_of(jobs[0].sink);
    if (known == parties_.end() && !why_not().empty()) throw Error(ErrorKind::unavailable, why_not());
    if (jobs.size() > max_jobs_ - size())
      fail(ErrorKind::busy, "{} requests are waiting already; try again later", size());
    if (tokens > max_tokens_ - tokens_)
      fail(ErrorKind::busy, "prompts of {} tokens are waiting already; try again later", tokens_);
    std::deque<Job>& waiting = known == parties_.end() ? fresh.front().jobs : known->jobs;
    waiting.insert(waiting.end(), std::move_iterator(jobs.begin()), std::move_iterator(jobs.end()));
    if (known == parties_.end()) parties_.splice(parties_.end(), fresh);
    tokens_ += tokens;
    size_ += static_cast<uint32_t>(jobs.size());
    news_ = true;
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

void Queue::wake() {
  {
    std::lock_guard lock(mutex_);
    news_ = true;
  }
  work_.notify_one();
}

bool Queue::wait_idle(double seconds) {
  std::unique_lock lock(mutex_);
  return idle_changed_.wait_for(lock, limit(seconds), [this] { return idle_ && is_empty(); });
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

Order Queue::next(Hands hands) {
  std::unique_lock lock(mutex_);
  idle_ = hands == Hands::empty;
  if (idle_) idle_changed_.notify_all();
  const auto has_work = [this] { return news_ || call_ || order_ != Order::run; };
  if (hands != Hands::full && is_empty())
    work_.wait(lock, has_work);
  else if (hands != Hands::full)
    work_.wait_for(lock, look_at_sinks, has_work);
  idle_ = news_ = false;
  return std::exchange(order_, Order::run);
}

Queue::Parties::iterator Queue::party_of(const std::shared_ptr<Sink>& sink) {
  return std::ranges::find_if(parties_, [&](const Party& party) {
    return !party.owner.owner_before(sink) && !sink.owner_before(party.owner);
  });
}

Job Queue::take(Party& party, std::deque<Job>::iterator at) {
  std::deque<Job>& jobs = party.jobs;
  Job job = std::move(*at);
  at = jobs.erase(at);
  const bool shared = (at != jobs.end() && at->request == job.request) ||
                      (at != jobs.begin() && std::prev(at)->request == job.request);
  if (!shared) tokens_ -= weight_of(*job.request);
  --size_;
  return job;
}

void Queue::forget_if_over(Parties::iterator party) {
  if (party->jobs.empty() && party->seats == 0) parties_.erase(party);
}

void Queue::give_seat(uint32_t slot, Parties::iterator party) {
  if (slot >= seats_.size()) seats_.resize(slot + 1, {parties_.end(), false});
  ++party->slots;
  ++party->seats;
  const auto before = std::exchange(seats_[slot], {party, true}).party;
  if (before == parties_.end()) return;
  --before->seats;
  forget_if_over(before);
}

void Queue::free_seat(uint32_t slot) {
  if (slot < seats_.size() && std::exchange(seats_[slot].taken, false)) --seats_[slot].party->slots;
}

void Queue::leave(uint32_t slot) {
  std::lock_guard lock(mutex_);
  free_seat(slot);
}

void Queue::share(uint32_t slot, uint32_t other) {
  std::lock_guard lock(mutex_);
  if (seats_.at(slot).taken) give_seat(other, seats_[slot].party);
}

// By turns of parties with ever more slots, of each its first job that may begin.
std::pair<Queue::Parties::iterator, std::deque<Job>::iterator> Queue::choose(
    const std::function<Verdict(const Job&)>& may_begin) {
  constexpr auto all = std::numeric_limits<uint32_t>::max();
  for (uint32_t slots = 0, more = 0; slots != all; slots = more) {
    more = all;
    for (auto party = parties_.begin(); party != parties_.end(); ++party) {
      if (party->slots > slots) more = std::min(more, party->slots);
      if (party->slots != slots) continue;
      for (auto job = party->jobs.begin(); job != party->jobs.end(); ++job) {
        const Verdict verdict = may_begin ? may_begin(*job) : Verdict::begin;
        if (verdict == Verdict::begin) return {party, job};
        if (verdict == Verdict::hold) return {parties_.end(), {}};
      }
    }
  }
  return {parties_.end(), {}};
}

std::optional<Job> Queue::pop(std::optional<uint32_t> slot, const std::function<Verdict(const Job&)>& may_begin) {
  std::lock_guard lock(mutex_);
  if (slot) free_seat(*slot);
  const auto [next, at] = choose(may_begin);
  if (next == parties_.end()) return std::nullopt;
  if (slot) give_seat(*slot, next);
  Job job = take(*next, at);
  parties_.splice(parties_.end(), parties_, next);
  forget_if_over(next);
  return job;
}

std::optional<Job> Queue::pop_unwanted() {
  std::lock_guard lock(mutex_);
  for (auto party = parties_.begin(); party != parties_.end(); ++party) {
    const auto found = std::ranges::find_if(party->jobs, [](const Job& job) { return job.sink->wish() != Wish::more; });
    if (found == party->jobs.end()) continue;
    Job job = take(*party, found);
    forget_if_over(party);
    return job;
  }
  return std::nullopt;
}

}  // namespace fulmar
