// parallel_for() with std::thread.
#include "base/parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fulmar {

void parallel_for(uint64_t count, const std::function<void(uint64_t, uint64_t)>& body) {
  const uint64_t workers =
      std::min<uint64_t>(std::max(1u, std::thread::hardware_concurrency()), (count + 63) / 64);
  if (workers <= 1) {
    if (count) body(0, count);
    return;
  }
  std::exception_ptr first;
  std::mutex lock;
  std::vector<std::jthread> threads;
  for (uint64_t w = 0; w < workers; ++w)
    threads.emplace_back([&, w] {
      try {
        body(count * w / workers, count * (w + 1) / workers);
      } catch (...) {
        const std::lock_guard hold(lock);
        if (!first) first = std::current_exception();
      }
    });
  threads.clear();  // joins
  if (first) std::rethrow_exception(first);
}

}  // namespace fulmar
