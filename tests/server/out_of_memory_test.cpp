// Where memory runs out the server goes on, and nobody waits for an answer that cannot come.
#include <atomic>
#include <cstdlib>
#include <new>

#include "answer/answer.h"
#include "api/openai/openai.h"
#include "api/openai/words.h"
#include "server/echo.h"
#include "server/harness.h"

namespace {

std::atomic<int> failures{0};            // how many more allocations fail,
thread_local bool this_one_is_spared = false;  // on all threads but the test's own
thread_local bool this_one_starves = false;

// A sanitizer has an operator new of its own, by which it knows what was allocated.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FULMAR_MEMORY_CAN_RUN_OUT 1
void* allocate(std::size_t size) {
  if (this_one_starves) throw std::bad_alloc();
  if (failures.load(std::memory_order_relaxed) > 0 && !this_one_is_spared && failures.fetch_sub(1) > 0)
    throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
#endif

}  // namespace

#if FULMAR_MEMORY_CAN_RUN_OUT
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
#endif

namespace fulmar::test {
namespace {

class OutOfMemory : public testing::Test {
 protected:
  void SetUp() override {
#if !FULMAR_MEMORY_CAN_RUN_OUT
    GTEST_SKIP() << "under a sanitizer memory cannot be made to run out";
#endif
  }
};

TEST_F(OutOfMemory, TheListenerGoesOn) {
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

TEST_F(OutOfMemory, ARequestIsToldSo) {
  Echo echo({}, {{"POST", "/large", [](const auto&, const auto&) { throw std::bad_alloc(); }, false, false,
                  api::openai::error_words}});
  const Answer answer = echo.client().post("/large", "a");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(error_of(answer)["code"], "out_of_memory");
  EXPECT_EQ(answer.headers.count("retry-after"), 1u);
}

TEST_F(OutOfMemory, WithoutMemoryForAnAnswerTheConnectionEnds) {
  Echo echo({}, {{"POST", "/large", [](const auto&, const auto&) {
                    this_one_starves = true;  // the worker, until it ends
                    throw std::bad_alloc();
                  }}});
  Client client = echo.client();
  client.send("POST", "/large", "a");
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(echo.client().get("/quick").status, 200);
}

TEST_F(OutOfMemory, AnAnswerWaitsWhereTheWakeUpIsLost) {
  const auto reply = std::make_shared<http::Reply>();
  reply->wake_by([] { throw std::bad_alloc(); });
  api::Context context;
  FakeEngine engine;
  api::Asked asked;
  PromptInput hello;
  hello.text = "say hi";
  asked.prompts.emplace_back().prompt = engine.prepare(hello);
  const auto served = std::make_shared<host::Served>();
  served->engine = std::shared_ptr<Engine>(&engine, [](Engine*) {});
  auto words = api::openai::completion_words(asked.delivery, *served);
  api::give_answer(context, served, std::move(asked), std::move(words), {{}, {}, api::openai::family, reply});
  ASSERT_TRUE(eventually([&] { return engine.stats().steps > 0 && engine.stats().live == 0; }));
  const http::Reply::Part part = reply->take();
  EXPECT_TRUE(part.done);
  ASSERT_TRUE(part.head);
  EXPECT_EQ(part.head->status, 200);
}

}  // namespace
}  // namespace fulmar::test
