// A team of threads: jobs of numbered units that any of them may claim, the calling thread among them.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace fulmar {

// A job never waits for a thread that has claimed nothing, so a worker the system keeps off its core costs
// nothing but its share. Jobs are started by one thread at a time; run() does not allocate.
class ThreadPool {
 public:
  static constexpr uint32_t max_units = 65535;
  // About the pause between two stages of a step.
  static constexpr std::chrono::microseconds between_stages{60};
  using Unit = void (*)(void* context, uint32_t unit, uint32_t thread);

  // At least 1, the caller counted. Threads without work spin for this long before they sleep. Throws
  // Error(unavailable) where the system gives fewer.
  explicit ThreadPool(uint32_t threads, std::chrono::microseconds spin = between_stages);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }
  // Calls unit(context, u, thread) once for every u < units (<= max_units) and returns when all are done.
  // `thread` is 0 for the caller and below threads().
  void run(uint32_t units, Unit unit, void* context);

 private:
  void end();
  void work(uint32_t thread);
  bool claim_and_run(uint32_t thread);

  const std::chrono::microseconds spin_;  // of those without work
  // job number (32 bits) | units (16) | next unclaimed unit (16): one word, so that a claim can only hit the
  // job whose unit count it saw.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  Unit unit_ = nullptr;  // both are read only by whoever holds an unfinished unit
  void* context_ = nullptr;
  alignas(64) std::atomic<uint32_t> done_{0};
  std::atomic<bool> caller_sleeps_{false};
  alignas(64) std::atomic<uint32_t> wake_{0};
  std::atomic<uint32_t> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;
};

}  // namespace fulmar
