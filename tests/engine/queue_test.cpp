// Who gets the next slot: a body of a thousand texts or choices holds nobody up who wants one.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "engine/fake_model.h"
#include "engine/queue.h"

namespace fulmar {
namespace {

struct Whole final : Sink {
  void on_event(const Event&) override {}
};

// Jobs of requests of their own, for sinks that share an owner.
std::vector<Job> jobs_for(const std::shared_ptr<Whole>& whole, uint32_t count) {
  std::vector<Job> jobs;
  for (uint32_t i = 0; i < count; ++i) {
    Prompt prompt;
    prompt.tokens = {1};
    auto request = std::make_shared<Request>();
    request->prompt = std::make_shared<const Prompt>(std::move(prompt));
    jobs.push_back({request, i, std::shared_ptr<Sink>(whole, whole.get())});
  }
  return jobs;
}

class Waiting {
 public:
  explicit Waiting(uint32_t most = 1000) : queue(most, 1000) {}
  void push(char name, uint32_t count) {
    std::shared_ptr<Whole>& whole = wholes_[static_cast<size_t>(name - 'a')];
    if (!whole) whole = std::make_shared<Whole>();
    queue.push(jobs_for(whole, count));
  }
  // Whose jobs get these slots.
  std::string pop(std::initializer_list<uint32_t> slots) {
    std::string names;
    for (const uint32_t slot : slots) {
      const std::optional<Job> job = queue.pop(slot);
      for (size_t i = 0; job && i < std::size(wholes_); ++i)
        if (job->sink == wholes_[i]) names += static_cast<char>('a' + i);
    }
    return names;
  }
  void leave(std::initializer_list<uint32_t> slots) {
    for (const uint32_t slot : slots) queue.leave(slot);
  }

  Queue queue;

 private:
  std::shared_ptr<Whole> wholes_[26];
};

TEST(Queue, RequestsOfOneChoiceGoInTheOrderInWhichTheyCame) {
  Waiting waiting;
  for (const char name : {'c', 'a', 'd', 'b'}) waiting.push(name, 1);
  EXPECT_EQ(waiting.pop({0, 1, 2, 3, 4}), "cadb");
  EXPECT_EQ(waiting.queue.size(), 0u);
}

TEST(Queue, AThousandChoicesLeaveTheNextSlotToWhoHasNone) {
  Waiting waiting;
  waiting.push('a', 900);
  EXPECT_EQ(waiting.pop({0, 1, 2, 3}), "aaaa");
  waiting.push('b', 1);
  waiting.push('c', 3);
  waiting.leave({2});
  EXPECT_EQ(waiting.pop({2}), "b");
  waiting.leave({0, 1});
  EXPECT_EQ(waiting.pop({0, 1}), "ca");  // each has one then, and c waits longer since it got one
  waiting.leave({3});
  EXPECT_EQ(waiting.pop({3}), "c");
}

TEST(Queue, TwoLargePartiesHaveHalfOfTheSlotsEach) {
  Waiting waiting;
  waiting.push('a', 100);
  EXPECT_EQ(waiting.pop({0, 1, 2, 3}), "aaaa");
  waiting.push('b', 100);
  waiting.leave({0, 1, 2, 3});
  const std::string names = waiting.pop({0, 1, 2, 3});
  EXPECT_EQ(std::ranges::count(names, 'a'), 2) << names;
  EXPECT_EQ(std::ranges::count(names, 'b'), 2) << names;
}

TEST(Queue, OneSlotGoesFromPartyToParty) {
  Waiting waiting;
  waiting.push('a', 100);
  std::string names = waiting.pop({0});
  for (const char name : {'b', 'c'}) waiting.push(name, 2);
  for (int i = 0; i < 5; ++i) {
    waiting.leave({0});
    names += waiting.pop({0});
  }
  EXPECT_EQ(names, "aabcab");
}

TEST(Queue, WhatIsPushedLaterForTheSameOwnerIsOfItsParty) {
  Waiting waiting;
  waiting.push('a', 2);
  EXPECT_EQ(waiting.pop({0, 1}), "aa");  // none of it waits
  waiting.push('b', 1);
  waiting.push('a', 1);
  waiting.push('c', 1);
  EXPECT_EQ(waiting.pop({2, 3, 4}), "bca");
}

TEST(Queue, ASlotThatAFailedJobDidNotTakeCountsForNobody) {
  Waiting waiting;
  waiting.push('a', 3);
  EXPECT_EQ(waiting.pop({0, 0, 1}), "aaa");
  waiting.push('a', 1);
  waiting.push('b', 3);
  waiting.leave({0});
  EXPECT_EQ(waiting.pop({0, 2, 3}), "bab");
}

TEST(Queue, PlacesAndTokensComeBackWithEachJob) {
  Waiting waiting(4);
  waiting.push('a', 3);
  EXPECT_THROW(waiting.push('b', 2), Error);
  waiting.push('b', 1);
  std::optional<Job> job = waiting.queue.pop();
  ASSERT_TRUE(job);
  job->sink->close();  // a's other jobs have the same sink
  while (waiting.queue.pop_unwanted()) {
  }
  EXPECT_EQ(waiting.queue.size(), 1u);
  waiting.push('c', 3);
  EXPECT_EQ(waiting.queue.size(), 4u);
}

// A server that stops lets a body of many texts, of which it hands over some at a time, come to its end.
TEST(Queue, APartyUnderWayBringsTheRestWhileOthersAreRefused) {
  Waiting waiting;
  waiting.push('a', 1);
  waiting.push('c', 1);
  waiting.queue.refuse("the server is shutting down");
  EXPECT_THROW(waiting.push('b', 1), Error);
  waiting.push('a', 1);
  EXPECT_EQ(waiting.pop({0, 1}), "ac");
  waiting.leave({0, 1});
  EXPECT_EQ(waiting.pop({0}), "a");
  waiting.leave({0});  // its end is told only now
  waiting.push('a', 1);
  EXPECT_EQ(waiting.pop({1}), "a");
  EXPECT_THROW(waiting.push('c', 1), Error);  // another has its slot
}

// In the engine, where slots come free between steps.
TEST(Queue, AClientIsServedWhileAThousandChoicesWait) {
  Gate gate;
  FakeOptions options{.slots = 4};
  options.before_step = [&](uint64_t) { gate.wait(); };
  const auto engine = make_fake_engine(options);
  PromptInput input;
  input.text = "many";
  Request many;
  many.prompt = engine->prepare(input);
  many.max_tokens = 2;
  std::vector<std::shared_ptr<Listener>> all;
  for (int i = 0; i < 1000; ++i) all.push_back(std::make_shared<Listener>());
  engine->submit({{many, {all.begin(), all.end()}}});
  gate.wait_for_visitor();
  const auto one = listen_to(*engine, ask("one", 1));
  gate.open();
  ASSERT_EQ(one->wait(), Finish::length);
  EXPECT_LE(one->events().back().step, 4u);
  for (const auto& listener : all) EXPECT_EQ(listener->wait(), Finish::length);
}

}  // namespace
}  // namespace fulmar
