// The bounded queue between the threads that submit and the engine thread, and the orders that go with it.
//
// Slots are shared evenly by party: what was pushed together, and what was pushed later for a sink with the same owner
// (of a std::shared_ptr), as one HTTP request's sinks have. The next job is one of the party that has the fewest slots;
// of those with as few, of the one that waits longest since it came or got a slot. Jobs that wait for something else, as
// for another turn of their session, are passed by.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/job.h"

namespace fulmar {

enum class Order { run, cancel, quit };  // cancel: end everything now; quit: that, then end the thread
// What the engine thread has in hand when it asks for work. waiting: nothing but what others must do first.
enum class Hands { full, waiting, empty };
// Whether a job may begin now. pass: others may before it; hold: nobody may, for it is its turn and it wants more slots.
enum class Verdict { begin, pass, hold };

class Queue {
 public:
  // At most `jobs` wait, and prompts of `tokens` tokens; one that several jobs share counts once.
  Queue(uint32_t jobs, uint64_t tokens) : max_jobs_(jobs), max_tokens_(tokens) {}

  // Any thread. Takes all or throws: Error(busy) when there is no room now, Error(bad_request) when there
  // never is, Error(unavailable) with the reason once refuse() was called, except to a party that has jobs here or had a
  // slot last: it may only now hear of their end.
  void push(std::vector<Job> jobs);
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

  // Any thread. What made jobs pass may be over.
  void wake();

  // The engine thread. Waits for news, a task or an order unless its hands are full, and where jobs wait that may not begin
  // yet for a moment only; the order is taken by being returned.
  Order next(Hands hands);
  // The next job that may begin. With `slot`: its party has that until leave(slot), or until another job is popped for
  // it; share(slot, other) gives it another beside that.
  std::optional<Job> pop(std::optional<uint32_t> slot = {}, const std::function<Verdict(const Job&)>& may_begin = {});
  void share(uint32_t slot, uint32_t other);
  void leave(uint32_t slot);
  // Whether a task waits. No request may begin until it is answered, that is run; or, with `refused`, failed.
  bool has_call() const;
  void answer_call(const Error* refused = nullptr);
  // Takes out a job whose sink wants no more of it, if there is one. Needs no memory, for it may have run out.
  std::optional<Job> pop_unwanted();

 private:
  struct Call {
    std::function<void()> task;
    bool started = false, done = false;
    std::exception_ptr error;
  };
  struct Party {
    std::weak_ptr<Sink> owner;
    std::deque<Job> jobs;  // those of a submission stand together
    uint32_t slots = 0;    // that it has
    uint32_t seats = 0;    // that name it
  };
  using Parties = std::list<Party>;
  struct Seat {               // a slot
    Parties::iterator party;  // that has or had it last; end(): none
    bool taken = false;
  };
  // With the lock held.
  bool is_empty() const { return size() == 0; }
  Parties::iterator party_of(const std::shared_ptr<Sink>& sink);
  std::pair<Parties::iterator, std::deque<Job>::iterator> choose(const std::function<Verdict(const Job&)>& may_begin);
  Job take(Party& party, std::deque<Job>::iterator at);
  void give_seat(uint32_t slot, Parties::iterator party);
  void free_seat(uint32_t slot);
  void forget_if_over(Parties::iterator party);

  mutable std::mutex mutex_;
  std::condition_variable work_, idle_changed_, call_changed_;
  std::shared_ptr<Call> call_;
  Parties parties_;                // with jobs or seats, in the order in which they came or got a slot last
  std::vector<Seat> seats_;        // by slot
  uint64_t tokens_ = 0;            // of the jobs' prompts
  std::atomic<uint32_t> size_{0};  // jobs; also for who only looks
  const uint32_t max_jobs_;
  const uint64_t max_tokens_;
  std::string refusal_, pause_;
  const std::string& why_not() const { return refusal_.empty() ? pause_ : refusal_; }
  Order order_ = Order::run;
  bool idle_ = false;
  bool news_ = false;  // since next() returned
};

}  // namespace fulmar
