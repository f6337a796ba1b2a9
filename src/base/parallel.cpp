// parallel_for() with std::thread.
#include "base/parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/platform.h"

namespace fulmar {

void parallel_for(uint64_t count, const std::function<void(uint64_t, uint64_t)>& body) {
  const uint64_t workers = std::min<uint64_t>(usable_cores(), (count + 63) / 64);
  std::exception_ptr first;
  std::mutex lock;
  const auto share = [&](uint64_t w) {
    try {
      body(count * w / workers, count * (w + 1) / workers);
    } catch (...) {
      const std::lock_guard hold(lock);
      if (!first) first = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (uint64_t w = 1; w < workers; ++w) {
      try {
        threads.emplace_back(share, w);
      } catch (const std::system_error&) {  // the system gives no more threads: this one does it
        share(w);
      }
    }
    if (workers > 0) share(0);
  }  // joins
  if (first) std::rethrow_exception(first);
}

}  // namespace fulmar
