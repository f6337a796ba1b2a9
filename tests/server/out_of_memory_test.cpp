// The listener outlives whatever a connection throws at it: here, that memory runs out as one is accepted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "server/echo.h"
#include "server/harness.h"

namespace {

std::atomic<int> failures{0};            // how many more allocations fail,
thread_local bool this_one_is_spared = false;  // on all threads but the test's own

void* allocate(std::size_t size) {
  if (failures.load(std::memory_order_relaxed) > 0 && !this_one_is_spared && failures.fetch_sub(1) > 0)
    throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace fulmar::test {
namespace {

TEST(OutOfMemory, TheListenerGoesOn) {
  this_one_is_spared = true;
  Echo echo;
  for (int count = 1; count <= 12; ++count) {
    failures = count;
    EXPECT_TRUE(eventually([&] {
      Client lost = echo.client();
      lost.send("GET", "/");
      return failures.load() <= 0;
    })) << count;
    failures = 0;
    EXPECT_TRUE(eventually([&] {
      Client next = echo.client();
      return next.get("/").status == 200;
    })) << count;
  }
  this_one_is_spared = false;
}

}  // namespace
}  // namespace fulmar::test
