// A disk that is full or fails: who was told that a turn is kept finds it, and everybody else is told.
#ifndef _WIN32
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "state/fault.h"
#include "state/sessions.h"

namespace fulmar {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

// Tokens of a turn that has no place in pages that the files have already.
constexpr size_t many = 300000;

class Disk : public testing::TestWithParam<std::pair<int, const char*>> {};

TEST_P(Disk, AFailureIsToldAndTheSessionIsWhatItWas) {
  const auto& [fault, reason] = GetParam();
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    say(*store, "a", {1, 2});
    {
      const Fault now(fault);
      for (int i = 0; i < 3; ++i) {
        const Outcome outcome = say(*store, "a", tokens_from(50 + i, many));
        ASSERT_TRUE(outcome.error) << i;
        EXPECT_EQ(outcome.error->kind(), ErrorKind::unavailable);
        EXPECT_THAT(outcome.error->what(), AllOf(HasSubstr(folder.file()), HasSubstr(reason)));
        EXPECT_TRUE(say(*store, "b", tokens_from(1, many)).error);
      }
      EXPECT_FALSE(store->stats().last_error.empty());
      EXPECT_TRUE(holds(*store, "a", {1, 2}));
      EXPECT_FALSE(store->find("b").known);
    }
    ASSERT_FALSE(say(*store, "a", {3}).error) << "the store goes on when the disk does";
    ASSERT_FALSE(say(*store, "c", {4}).error);
    EXPECT_EQ(store->stats().last_error, "");
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3}));
  EXPECT_FALSE(store->find("b").known);
  EXPECT_TRUE(holds(*store, "c", {4}));
}

TEST_P(Disk, AStateThatCannotBeWrittenIsMadeFromTokens) {
  const Folder folder;
  StoreOptions options = in(folder);
  options.device_sessions = options.memory_sessions = 1;
  {
    const auto store = StateStore::open(options);
    for (const char* id : {"a", "b"}) say(*store, id, {1, 2}, 100000);
    const Fault now(GetParam().first);  // while two states leave, and when it is closed
    store->find("a");
    EXPECT_TRUE(say(*store, "c", tokens_from(1, many)).error);
  }
  const auto store = StateStore::open(options);
  for (const char* id : {"a", "b"}) EXPECT_TRUE(holds(*store, id, {1, 2}));
}

TEST_P(Disk, WhatSomeThreadsWereToldIsTrueForEach) {
  const Folder folder;
  std::vector<std::vector<Token>> texts(8);
  std::atomic<int> refused = 0;
  {
    const auto store = StateStore::open(in(folder));
    std::atomic<bool> over = false;
    std::vector<std::thread> threads;
    for (size_t t = 0; t < texts.size(); ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; !over || i < 30; ++i) {
          if (i == 3000) break;
          if (say(*store, fmt::format("s{}", t), {i}).error)
            ++refused;
          else
            texts[t].push_back(i);
        }
      });
    for (int i = 0; i < 20 || (refused == 0 && i < 200); ++i) {  // a slow machine may write nothing in a few
      const Fault now(GetParam().first);
      std::this_thread::sleep_for(std::chrono::milliseconds(4));
      set_disk_fault(disk_in_order);
      std::this_thread::sleep_for(std::chrono::milliseconds(8));
    }
    over = true;
    for (std::thread& thread : threads) thread.join();
    for (size_t t = 0; t < texts.size(); ++t) EXPECT_TRUE(holds(*store, fmt::format("s{}", t), texts[t]));
  }
  EXPECT_GT(refused, 0);
  const auto store = StateStore::open(in(folder));
  for (size_t t = 0; t < texts.size(); ++t) EXPECT_TRUE(holds(*store, fmt::format("s{}", t), texts[t]));
}

INSTANTIATE_TEST_SUITE_P(Fails, Disk,
                         testing::Values(std::pair(disk_full, "the disk is full"), std::pair(disk_unwritable, "disk I/O error"),
                                         std::pair(disk_cannot_sync, "disk I/O error")));

TEST(Durability, ATurnIsOnTheDiskBeforeItIsKept) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  for (int i = 0; i < 10; ++i) {
    const auto before = disk_syncs();
    say(*store, "a", {i});
    EXPECT_GT(disk_syncs(), before);
  }
}

TEST(Durability, TurnsThatEndTogetherShareASync) {
  const Folder folder;
  StoreOptions options = in(folder);
  options.device_sessions = 200;
  const auto store = StateStore::open(options);
  // The store's thread is held until all of them have been put.
  std::atomic<bool> held = false, go_on = false;
  const Subscription subscription = store->subscribe([&] {
    held = true;
    while (!go_on) std::this_thread::yield();
  });
  store->put({.id = "first", .tokens = {1}, .state = feed(nullptr, {1})});
  while (!held) std::this_thread::yield();
  const auto before = disk_syncs();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 200; ++i)
    tickets.push_back(store->put({.id = fmt::format("s{}", i), .tokens = {i}, .state = feed(nullptr, {i})}));
  EXPECT_EQ(store->stats().queued, 200u);
  EXPECT_FALSE(store->outcome(tickets[0]));
  EXPECT_FALSE(store->find("s0").known) << "what is not durable is not seen";
  go_on = true;
  for (const Ticket& ticket : tickets) EXPECT_FALSE(store->wait(ticket).error);
  EXPECT_LE(disk_syncs() - before, 4u);
}

}  // namespace
}  // namespace fulmar
#endif
