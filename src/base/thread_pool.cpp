// Claiming, spinning briefly, then sleeping.
#include "base/thread_pool.h"

#include <system_error>

#include "base/fail.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace fulmar {
namespace {

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
  asm volatile("yield");
#endif
}

// Spins until ready() or the time is over; says whether it is ready. Who waits longer sleeps and leaves the core
// to others.
template <typename Ready>
bool spin(Ready ready, std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

constexpr uint64_t ticket_of(uint64_t job, uint32_t units) {
  return job << 32 | uint64_t{units} << 16;
}
constexpr uint32_t units_of(uint64_t ticket) {
  return static_cast<uint32_t>(ticket >> 16 & 0xffff);
}
constexpr uint32_t next_of(uint64_t ticket) {
  return static_cast<uint32_t>(ticket & 0xffff);
}

}  // namespace

ThreadPool::ThreadPool(uint32_t threads, std::chrono::microseconds spin) : spin_(spin) {
  try {
    for (uint32_t t = 1; t < threads; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error& error) {
    const uint32_t started = this->threads();
    end();
    fail(ErrorKind::unavailable, "only {} of {} CPU threads could be started ({}); use --threads {} or fewer",
         started, threads, error.code().message(), started);
  } catch (...) {
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  end();
}

void ThreadPool::end() {
  stop_ = true;
  ++wake_;
  wake_.notify_all();
  workers_.clear();  // joins
}

// Takes units of the current job until none is left; says whether it did any.
bool ThreadPool::claim_and_run(uint32_t thread) {
  bool any = false;
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (next_of(ticket) < units_of(ticket)) {
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire))
      continue;
    // From here the job cannot end before this unit is counted, so the caller leaves unit_ and context_
    // alone.
    unit_(context_, next_of(ticket), thread);
    any = true;
    const uint32_t units = units_of(ticket);
    if (done_.fetch_add(1) + 1 == units && caller_sleeps_.load()) done_.notify_one();
    ticket = ticket_.load(std::memory_order_acquire);
  }
  return any;
}

void ThreadPool::work(uint32_t thread) {
  const auto unclaimed = [this] {
    const uint64_t ticket = ticket_.load();
    return next_of(ticket) < units_of(ticket) || stop_.load(std::memory_order_relaxed);
  };
  while (!stop_) {
    claim_and_run(thread);
    if (spin(unclaimed, spin_)) continue;
    const uint32_t seen = wake_.load();
    ++sleepers_;  // run() looks at this after it has published: one of the two sees the other
    if (!unclaimed()) wake_.wait(seen);
    --sleepers_;
  }
}

void ThreadPool::run(uint32_t units, Unit unit, void* context) {
  if (workers_.empty() || units <= 1) {
    for (uint32_t u = 0; u < units; ++u) unit(context, u, 0);
    return;
  }
  unit_ = unit;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  ticket_.store(ticket_of((ticket_.load(std::memory_order_relaxed) >> 32) + 1, units));
  if (sleepers_.load() > 0) {
    ++wake_;
    wake_.notify_all();
  }
  claim_and_run(0);
  const auto finished = [&] { return done_.load(std::memory_order_acquire) == units; };
  if (spin(finished, between_stages)) return;
  caller_sleeps_ = true;
  for (uint32_t done = done_.load(); done != units; done = done_.load()) done_.wait(done);
  caller_sleeps_ = false;
}

}  // namespace fulmar
