// A change that was refused never comes back, whatever becomes of the program that refused it; and a full disk is no dead end.
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

// What a program that is killed now leaves behind: the files as they are.
StoreOptions killed(const Folder& running, const Folder& left) {
  for (const char* ending : {"", "-wal"}) {
    const std::string name = std::string("sessions.db") + ending;
    std::filesystem::copy_file(running.file(name), left.file(name), std::filesystem::copy_options::overwrite_existing);
  }
  return in(left);
}

std::string trouble_of(StateStore& store) {
  return store.stats().last_error;
}

TEST(Refused, ATurnThatCouldNotBeSyncedIsNotThereAfterAKill) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  std::vector<Token> text;
  for (int round = 0; round < 12; ++round) {
    const auto size = static_cast<size_t>(1 + round % 4 * 5000);  // one page, or several
    for (size_t i = 0; i < static_cast<size_t>(round % 3); ++i) {
      ASSERT_FALSE(say(*store, "a", {round}).error);
      text.push_back(round);
    }
    {
      const Fault now(disk_cannot_sync);
      ASSERT_TRUE(say(*store, "a", tokens_from(1000, size)).error);
      ASSERT_TRUE(say(*store, fmt::format("new {}", round), tokens_from(2000, size)).error);
      ASSERT_TRUE(round == 0 || store->wait(store->erase("a")).error);
    }
    const Folder left;
    const auto after = StateStore::open(killed(folder, left));
    EXPECT_EQ(after->stats().sessions, text.empty() ? 0u : 1u);
    EXPECT_TRUE(text.empty() || holds(*after, "a", text)) << round;
  }
}

TEST(Refused, NeitherIsOneAmongOthersThatWereKept) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  ASSERT_FALSE(say(*store, "a", {1}).error);
  const Ticket first = store->put({.id = "first", .tokens = {1}, .state = feed(nullptr, {1})});
  ASSERT_FALSE(store->wait(first).error);
  // The store's thread is held where nothing is left for it to do.
  std::atomic<bool> held = false, go_on = false;
  const Subscription subscription = store->subscribe([&] {
    if (store->stats().queued > 0) return;
    held = true;
    while (!go_on) std::this_thread::yield();
  });
  store->put({.id = "second", .tokens = {1}, .state = feed(nullptr, {1})});
  while (!held) std::this_thread::yield();
  // In one commit: a turn, and a look that writes nothing and so succeeds on any disk.
  const Fault now(disk_cannot_sync);
  const Ticket turn = store->put(turn_of(*store, "a", {2}));
  std::thread looks([&] { EXPECT_EQ(store->transcript("a").tokens, std::vector<Token>{1}); });
  while (store->stats().queued < 2) std::this_thread::yield();
  go_on = true;
  EXPECT_TRUE(store->wait(turn).error);
  looks.join();
  EXPECT_THAT(trouble_of(*store), HasSubstr("disk I/O error"));
  const Folder left;
  const auto after = StateStore::open(killed(folder, left));
  EXPECT_TRUE(holds(*after, "a", {1}));
  EXPECT_TRUE(holds(*after, "first", {1}));
}

TEST(Trouble, IsOverWhenTheDiskIsInOrderAlsoWhereNobodyAsks) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  for (const int fault : {disk_full, disk_cannot_sync, disk_unwritable}) {
    ASSERT_FALSE(say(*store, "a", {1}).error);
    {
      const Fault now(fault);
      ASSERT_TRUE(say(*store, "b", tokens_from(1, 300000)).error) << fault;
      EXPECT_NE(trouble_of(*store), "");
      if (fault == disk_full) std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // it looks once in a second
      EXPECT_NE(trouble_of(*store), "") << fault;
    }
    EXPECT_TRUE(soon([&] { return trouble_of(*store).empty(); })) << fault;
  }
}

// Says turns of one session until the disk has no room left; how many tokens were kept.
size_t fill(StateStore& store, const std::string& id, size_t at_once) {
  for (size_t kept = 0;; kept += at_once) {
    const Outcome outcome = say(store, id, tokens_from(static_cast<int>(kept), at_once));
    if (!outcome.error) continue;
    EXPECT_THAT(outcome.error->what(), HasSubstr("the disk is full"));
    return kept;
  }
}

TEST(FullDisk, SessionsCanBeDeletedAndOthersGoOnThen) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    for (int i = 0; i < 4; ++i) ASSERT_FALSE(say(*store, fmt::format("old {}", i), tokens_from(i, 100000)).error);
    const Fault now(disk_full);
    const size_t kept = fill(*store, "a", 5000);
    EXPECT_THAT(trouble_of(*store), HasSubstr("the disk is full"));
    EXPECT_TRUE(say(*store, "old 1", {5}).error);
    const Outcome deleted = store->wait(store->erase("old 0"));
    ASSERT_FALSE(deleted.error) << deleted.error->what();
    EXPECT_EQ(trouble_of(*store), "");
    for (int i = 0; i < 3; ++i) ASSERT_FALSE(say(*store, "b", tokens_from(i * 5000, 5000)).error);
    EXPECT_EQ(store->entry("a") ? store->entry("a")->tokens : 0, kept);
    EXPECT_TRUE(kept == 0 || holds(*store, "a", tokens_from(0, kept)));
    EXPECT_TRUE(holds(*store, "old 1", tokens_from(1, 100000)));
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_FALSE(store->find("old 0").known);
  EXPECT_TRUE(holds(*store, "b", tokens_from(0, 15000)));
  EXPECT_TRUE(holds(*store, "old 3", tokens_from(3, 100000)));
}

TEST(FullDisk, SessionsCanBeDeletedAfterARestartThatLeftNoLog) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    for (const char* id : {"a", "b"}) ASSERT_FALSE(say(*store, id, tokens_from(0, 100000)).error);
  }
  ASSERT_FALSE(std::filesystem::exists(folder.file("sessions.db-wal")));
  const Fault now(disk_full);
  const auto store = StateStore::open(in(folder));
  EXPECT_TRUE(say(*store, "b", {1}).error);
  ASSERT_FALSE(store->wait(store->erase("a")).error);
  ASSERT_FALSE(say(*store, "b", tokens_from(100000, 5000)).error);
  EXPECT_TRUE(holds(*store, "b", tokens_from(0, 105000)));
}

TEST(FullDisk, TheRoomForDeletingIsKeptAgainWhenThereIsSome) {
  const Folder folder;
  const std::string reserve = folder.file("sessions.db-reserve");
  const auto store = StateStore::open(in(folder));
  ASSERT_FALSE(say(*store, "old", tokens_from(0, 100000)).error);
  ASSERT_TRUE(std::filesystem::exists(reserve));
  {
    const Fault now(disk_full);
    fill(*store, "a", 50000);
    ASSERT_FALSE(store->wait(store->erase("old")).error);
    EXPECT_FALSE(std::filesystem::exists(reserve));
    fill(*store, "a", 50000);
  }
  EXPECT_TRUE(soon([&] { return std::filesystem::exists(reserve); }));
  EXPECT_TRUE(soon([&] { return trouble_of(*store).empty(); }));
}

TEST(Moved, AFileThatIsNoLongerInItsPlaceTakesNothing) {
  const Folder folder;
  const std::string away = folder.file("away.db");
  {
    const auto store = StateStore::open(in(folder));
    ASSERT_FALSE(say(*store, "a", {1}).error);
    std::filesystem::rename(folder.file(), away);
    const Outcome outcome = say(*store, "a", {2});
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind(), ErrorKind::unavailable);
    EXPECT_THAT(outcome.error->what(), AllOf(HasSubstr(folder.file()), HasSubstr("moved or removed"), HasSubstr("put it back")));
    EXPECT_THAT(trouble_of(*store), HasSubstr("moved or removed"));
    std::filesystem::rename(away, folder.file());
    EXPECT_TRUE(soon([&] { return trouble_of(*store).empty(); }));
    ASSERT_FALSE(say(*store, "a", {3}).error);
    std::filesystem::remove(folder.file("sessions.db-wal"));
    EXPECT_TRUE(say(*store, "a", {4}).error) << "what is written to a log without a name is lost with the program";
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_TRUE(holds(*store, "a", {1, 3})) << "the log was brought into the file when it was closed";
}

}  // namespace
}  // namespace fulmar
#endif
