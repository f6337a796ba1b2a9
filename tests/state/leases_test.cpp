// One turn of a session at a time, whoever runs it: no two leases of a name, and nobody waits for ever.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "state/sessions.h"

namespace fulmar {
namespace {

using namespace test;

TEST(Leases, OfSeveralNamesAreTakenTogetherOrNot) {
  const auto store = StateStore::open({});
  Lease a = store->lease({"a"});
  ASSERT_TRUE(a);
  EXPECT_FALSE(store->lease({"b", "a"}));
  const Lease b = store->lease({"b"});
  EXPECT_TRUE(b) << "a lease that was refused kept a part";
  a.reset();
  EXPECT_TRUE(store->lease({"a"}));
  EXPECT_FALSE(store->lease({"a", "b"}));
}

TEST(Leases, WhoWasRefusedIsToldWhenTheyEnd) {
  const auto store = StateStore::open({});
  std::atomic<int> told = 0;
  const Subscription news = store->subscribe([&] { ++told; });
  Lease lease = store->lease({"a"});
  EXPECT_FALSE(store->lease({"a"}));
  EXPECT_EQ(told, 0);
  lease.reset();
  EXPECT_TRUE(soon([&] { return told > 0; }));
}

TEST(Leases, HaveOneHolderAtATimeAndEverybodyGetsTheirs) {
  constexpr int threads = 4, times = 200;
  const auto store = StateStore::open({});
  std::atomic<int> holders = 0, most = 0, turns = 0;
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread)
      all.emplace_back([&, names = thread % 2 ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{"b", "a"}] {
        std::atomic<uint64_t> news = 0;
        const Subscription told = store->subscribe([&] {
          ++news;
          news.notify_one();
        });
        for (int time = 0; time < times; ++time) {
          uint64_t before = news;
          Lease lease = store->lease(names);
          for (; !lease; before = news, lease = store->lease(names)) news.wait(before);
          most = std::max(most.load(), ++holders);
          ++turns;
          --holders;
        }
      });
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(turns, threads * times);
}

TEST(Leases, DoNotHoldUpWhoReplacesASession) {
  const auto store = StateStore::open({});
  ASSERT_FALSE(say(*store, "a", {1, 2}).error);
  const Lease lease = store->lease({"a"});
  ASSERT_FALSE(store->wait(store->fork("a", "b", false)).error);
  EXPECT_FALSE(store->wait(store->fork("b", "a", true)).error);
  EXPECT_FALSE(store->wait(store->erase("a")).error);
}

}  // namespace
}  // namespace fulmar
