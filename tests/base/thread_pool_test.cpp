// The thread pool: every unit once, whoever is awake.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

#include "fulmar/error.h"

// A sanitizer maps memory of its own for each thread, and ends the program where it gets none.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FULMAR_CAN_RUN_OUT_OF_STACKS 1
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace fulmar {
namespace {

struct Job {
  std::vector<uint32_t> runs;  // by unit; a unit is run by one thread, so these need no atomics
  std::vector<uint32_t> units_of_thread;
};

void count_unit(void* context, uint32_t unit, uint32_t thread) {
  Job& job = *static_cast<Job*>(context);
  ++job.runs[unit];
  ++job.units_of_thread[thread];
}

TEST(ThreadPool, RunsEveryUnitOnceInJobsOfAllSizes) {
  ThreadPool pool(4);  // more threads than some machines have cores
  for (const uint32_t units : {0u, 1u, 2u, 3u, 7u, 64u, 1000u, ThreadPool::max_units}) {
    Job job{std::vector<uint32_t>(units), std::vector<uint32_t>(pool.threads())};
    pool.run(units, count_unit, &job);
    for (uint32_t u = 0; u < units; ++u) ASSERT_EQ(job.runs[u], 1u) << "unit " << u << " of " << units;
    EXPECT_EQ(std::accumulate(job.units_of_thread.begin(), job.units_of_thread.end(), 0u), units);
  }
}

// Each job reads all that the job before it wrote, as the ops of a step do; a missing barrier shows as a
// wrong sum.
TEST(ThreadPool, AJobSeesWhatTheJobBeforeWrote) {
  ThreadPool pool(3);
  constexpr uint32_t units = 9;
  std::vector<uint64_t> a(units, 1), b(units, 0);
  struct Pair {
    std::vector<uint64_t>*from, *to;
  };
  uint64_t want = 1;
  for (int round = 0; round < 400; ++round) {
    Pair pair{round % 2 ? &b : &a, round % 2 ? &a : &b};
    pool.run(
        units,
        [](void* context, uint32_t unit, uint32_t) {
          const Pair& p = *static_cast<Pair*>(context);
          (*p.to)[unit] = std::accumulate(p.from->begin(), p.from->end(), uint64_t{0}) % 1000003;
        },
        &pair);
    want = want * units % 1000003;
    for (const uint64_t value : *pair.to) ASSERT_EQ(value, want) << "round " << round;
  }
}

// Long pauses between jobs put the workers to sleep; a wake-up lost would hang here.
TEST(ThreadPool, WakesAfterPausesAndEndsWhileAsleep) {
  for (int round = 0; round < 5; ++round) {
    ThreadPool pool(3, round % 2 ? std::chrono::microseconds(0) : ThreadPool::between_stages);
    for (int i = 0; i < 4; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(i));
      Job job{std::vector<uint32_t>(50), std::vector<uint32_t>(pool.threads())};
      pool.run(50, count_unit, &job);
      EXPECT_EQ(std::accumulate(job.runs.begin(), job.runs.end(), 0u), 50u);
    }
  }
}

#if FULMAR_CAN_RUN_OUT_OF_STACKS
// Leaves address space for the stacks of some threads and not for 10,000; an alarm ends what hangs.
[[noreturn]] void start_more_threads_than_there_is_room_for() {
  alarm(60);
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + (uint64_t{256} << 20);
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  try {
    ThreadPool pool(10'000);
    std::fprintf(stderr, "all were started\n");
  } catch (const Error& error) {
    std::fprintf(stderr, "%d: %s\n", error.kind() == ErrorKind::unavailable, error.what());
  }
  std::_Exit(0);
}

// In a process of its own, whose limit the other tests must not meet. Some threads have started by then.
TEST(ThreadPoolDeathTest, ThreadsThatCannotAllBeStartedEndInASentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(start_more_threads_than_there_is_room_for(), testing::ExitedWithCode(0),
              "1: only ([2-9]|[0-9]{2,4}) of 10000 CPU threads could be started .*; use --threads ");
}
#endif

}  // namespace
}  // namespace fulmar
