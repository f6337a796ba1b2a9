// Where a state is kept, when it is written, and what a session is made of when it is not.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "state/sessions.h"
#include "state/sqlite.h"

namespace fulmar {
namespace {

using namespace test;
using testing::HasSubstr;

StoreOptions small(const Folder& folder, uint32_t device, uint32_t memory) {
  StoreOptions options = in(folder);
  options.device_sessions = device;
  options.memory_sessions = memory;
  options.idle_seconds = 1000;
  return options;
}

int level(StateStore& store, const std::string& id) {
  return store.entry(id)->level;
}

std::string name_of(int i) {
  return fmt::format("s{}", i);
}

TEST(Levels, TheStatesUsedLastStayInMemory) {
  const Folder folder;
  const auto store = StateStore::open(small(folder, 1, 2));
  for (const char* id : {"a", "b", "c", "d"}) say(*store, id, {1, 2});
  EXPECT_TRUE(soon([&] { return level(*store, "a") == 3; }));
  EXPECT_EQ(level(*store, "b"), 2);
  EXPECT_EQ(level(*store, "c"), 2);
  EXPECT_EQ(level(*store, "d"), 1);
  EXPECT_TRUE(holds(*store, "a", {1, 2}));
  EXPECT_EQ(get(*store, "a").state->fed, 1u) << "it was written before it left";
  EXPECT_EQ(level(*store, "a"), 1);
  EXPECT_EQ(level(*store, "d"), 2);
  EXPECT_TRUE(soon([&] { return level(*store, "b") == 3; }));
  store->find("c");
  say(*store, "e", {1});
  EXPECT_EQ(level(*store, "c"), 2) << "a look counts as a use";
  EXPECT_TRUE(soon([&] { return level(*store, "d") == 3; }));
  store->find("c").state->on_device = true;
  EXPECT_TRUE(store->entry("c")->on_device);
  EXPECT_TRUE(soon([&] {
    const StoreStats stats = store->stats();
    return stats.level1 == 1 && stats.level2 == 2 && stats.level3 == 2;
  }));
  EXPECT_EQ(store->stats().misses, 5u);
  EXPECT_EQ(store->stats().reads, 1u);
}

TEST(Levels, StatesAreWrittenAlsoWhereSessionsAreUsedAllTheTime) {
  const Folder folder;
  const auto store = StateStore::open(small(folder, 1, 1));
  for (int i = 0; i < 8; ++i) say(*store, fmt::format("s{}", i), {1, 2});
  EXPECT_TRUE(soon([&] {
    store->find("s7");
    return store->stats().checkpoints >= 4;
  }));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(holds(*store, fmt::format("s{}", i), {1, 2}));
}

TEST(Levels, BytesAreABoundToo) {
  const Folder folder;
  StoreOptions options = small(folder, 16, 32);
  options.memory_bytes = 3 * 4 * 10000 + 1000;
  const auto store = StateStore::open(options);
  for (int i = 0; i < 10; ++i) say(*store, name_of(i), {1, 2}, 10000);
  EXPECT_LE(store->stats().level1 + store->stats().level2, 4u);
  EXPECT_TRUE(soon([&] { return store->stats().memory_bytes <= options.memory_bytes; }));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(holds(*store, name_of(i), {1, 2}));
}

TEST(Levels, WithoutAFileAStateThatLeftIsFedAgain) {
  StoreOptions options;
  options.device_sessions = options.memory_sessions = 1;
  const auto store = StateStore::open(options);
  for (const char* id : {"a", "b", "c"}) say(*store, id, {1, 2, 3});
  EXPECT_EQ(level(*store, "a"), 3);
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3}));
  EXPECT_EQ(get(*store, "a").state->fed, 0u);
  EXPECT_EQ(store->stats().unwritten, 0u);
}

TEST(Levels, WithoutAFileOldSessionsMakeRoom) {
  StoreOptions options;
  options.device_sessions = options.memory_sessions = 2;
  options.limit = 1 << 20;
  const auto store = StateStore::open(options);
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(say(*store, name_of(i), tokens_from(i, 10000)).error);
  EXPECT_LT(store->stats().sessions, 30u);
  EXPECT_FALSE(store->find(name_of(0)).known);
  EXPECT_TRUE(holds(*store, name_of(99), tokens_from(99, 10000)));
}

TEST(Checkpoints, AreWrittenEveryFewTurnsAndTheOneBeforeIsDropped) {
  const Folder folder;
  StoreOptions options = small(folder, 16, 32);
  options.checkpoint_every = 4;
  {
    const auto store = StateStore::open(options);
    for (int i = 0; i < 3; ++i) say(*store, "a", {i});
    EXPECT_EQ(store->stats().checkpoints, 0u);
    EXPECT_EQ(store->stats().unwritten, 1u);
    say(*store, "a", {3});
    EXPECT_TRUE(soon([&] { return store->stats().checkpoints == 1; }));
    EXPECT_EQ(store->stats().unwritten, 0u);
    for (int i = 4; i < 8; ++i) say(*store, "a", {i});
    EXPECT_TRUE(soon([&] { return store->stats().checkpoints == 2; }));
    EXPECT_GT(store->stats().checkpoint_seconds, 0);
  }
  Database database(folder.file());
  EXPECT_EQ(database.number("SELECT count(*) FROM checkpoints", ""), 1);
}

TEST(Checkpoints, AForksStateStaysWhenTheOtherGoesOn) {
  const Folder folder;
  StoreOptions options = small(folder, 16, 32);
  options.checkpoint_every = 1;
  {
    const auto store = StateStore::open(options);
    say(*store, "a", {1, 2});
    EXPECT_TRUE(soon([&] { return store->stats().checkpoints == 1; }));
    store->wait(store->fork("a", "b", false));
    say(*store, "a", {3});
    EXPECT_TRUE(soon([&] { return store->stats().checkpoints == 2; }));
  }
  const auto store = StateStore::open(options);
  EXPECT_TRUE(holds(*store, "b", {1, 2}));
  EXPECT_EQ(get(*store, "b").state->fed, 1u);
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3}));
}

TEST(Checkpoints, AreWrittenWhenASessionIsIdle) {
  const Folder folder;
  StoreOptions options = in(folder);
  options.idle_seconds = 0.02;
  const auto store = StateStore::open(options);
  say(*store, "a", {1});
  EXPECT_TRUE(soon([&] { return store->stats().checkpoints == 1; }));
  EXPECT_EQ(level(*store, "a"), 1);
}

TEST(Checkpoints, ADamagedOneIsMadeAgainFromTheTokens) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    say(*store, "a", {1, 2, 3});
    say(*store, "a", {4});
  }
  Database(folder.file()).run("UPDATE parts SET bytes = zeroblob(length(bytes))", "");
  {
    const auto store = StateStore::open(in(folder));
    EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4}));
    EXPECT_EQ(get(*store, "a").state->fed, 0u);
    EXPECT_EQ(get(*store, "a").state->model, model);
    EXPECT_FALSE(say(*store, "a", {5}).error);
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4, 5}));
  EXPECT_EQ(get(*store, "a").state->fed, 4u);
}

// An import: only the state has seen tokens 1, 2 and 3.
KeptTurn imported() {
  return {.id = "a", .tokens = {4}, .state = feed(nullptr, {1, 2, 3, 4}), .whole = true};
}

TEST(WholeStates, AreThereWithoutTheirTokens) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    ASSERT_FALSE(store->wait(store->put(imported())).error);
    EXPECT_EQ(store->stats().unwritten, 0u);
    EXPECT_EQ(store->transcript("a").unknown, 3u);
  }
  for (int i = 5; i < 10; ++i) {
    const auto store = StateStore::open(in(folder));
    ASSERT_TRUE(stands_for(get(*store, "a").state, tokens_from(1, static_cast<size_t>(i - 1))));
    ASSERT_FALSE(say(*store, "a", {i}).error);
  }
  Database(folder.file()).run("DELETE FROM checkpoints WHERE node > 1", "");
  const auto store = StateStore::open(in(folder));
  EXPECT_TRUE(stands_for(get(*store, "a").state, tokens_from(1, 9)));
  EXPECT_EQ(get(*store, "a").state->fed, 3u) << "what was imported is still there to go on from";
  EXPECT_EQ(store->transcript("a").tokens, tokens_from(4, 6));
}

TEST(WholeStates, ADamagedOneIsToldAndHarmsNoOther) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    store->wait(store->put(imported()));
    say(*store, "b", {1});
  }
  Database(folder.file()).run("UPDATE parts SET bytes = substr(bytes, 1, 300) WHERE part = 65536", "");
  const auto store = StateStore::open(in(folder));
  for (int again = 0; again < 2; ++again) {
    const FoundSession found = get(*store, "a");
    ASSERT_TRUE(found.error);
    EXPECT_EQ(found.error->kind(), ErrorKind::bad_file);
    EXPECT_THAT(found.error->what(), HasSubstr(folder.file()));
  }
  EXPECT_TRUE(holds(*store, "b", {1}));
}

TEST(Limit, StatesOfOldSessionsAreDroppedAndTheSessionsStay) {
  const Folder folder;
  StoreOptions options = small(folder, 1, 1);
  options.limit = 2 << 20;
  {
    const auto store = StateStore::open(options);
    for (int i = 0; i < 20; ++i) {
      ASSERT_FALSE(say(*store, name_of(i), {1, 2, 3}, 60000).error);
      EXPECT_TRUE(soon([&] { return store->stats().unwritten <= 2; }));
    }
  }
  EXPECT_LE(std::filesystem::file_size(folder.file()), options.limit);
  const auto store = StateStore::open(options);
  EXPECT_EQ(store->stats().sessions, 20u);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(holds(*store, name_of(i), {1, 2, 3})) << i;
  EXPECT_EQ(get(*store, name_of(0)).state->fed, 0u);
  EXPECT_EQ(get(*store, name_of(19)).state->fed, 2u);

  KeptTurn large = imported();
  large.state = feed(nullptr, {1, 2, 3, 4}, 1, 600000);
  const Outcome outcome = store->wait(store->put(large));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->kind(), ErrorKind::too_large);
  EXPECT_THAT(outcome.error->what(), HasSubstr("raise --sessions-limit"));
  EXPECT_FALSE(store->find("a").known);
  EXPECT_TRUE(holds(*store, name_of(19), {1, 2, 3}));
}

TEST(Limit, ALowerOneMakesTheFileSmaller) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    for (int i = 0; i < 20; ++i) say(*store, name_of(i), {1, 2}, 60000);
  }
  EXPECT_GT(std::filesystem::file_size(folder.file()), 4u << 20);
  StoreOptions options = in(folder);
  options.limit = 1 << 20;
  {
    const auto store = StateStore::open(options);
    say(*store, "new", {1}, 10);
  }
  EXPECT_LE(std::filesystem::file_size(folder.file()), options.limit);
  const auto store = StateStore::open(options);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(holds(*store, name_of(i), {1, 2}));
}

}  // namespace
}  // namespace fulmar
