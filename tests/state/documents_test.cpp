// Documents are there as long as what they are about, and no longer; all together they keep within their part of the limit.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "state/sessions.h"
#include "state/sqlite.h"

namespace fulmar::test {
namespace {

StoreOptions kept_in(const Folder& folder, uint64_t limit = 0) {
  return {.file = folder.file(), .limit = limit};
}

Outcome keep(StateStore& store, const std::string& id, std::string bytes) {
  return store.wait(store.put_document(id, std::move(bytes)));
}

TEST(Documents, AreThereWhenTheProgramStartsAgain) {
  const Folder folder;
  const std::string text("a\0b", 3);
  {
    const auto store = StateStore::open(kept_in(folder));
    EXPECT_TRUE(store->lasts());
    ASSERT_FALSE(say(*store, "a", {1, 2}).error);
    ASSERT_FALSE(keep(*store, "a", text).error);
    EXPECT_EQ(store->document("a"), text);
    ASSERT_FALSE(keep(*store, "a", text + text).error) << "in place of the one before";
  }
  const auto store = StateStore::open(kept_in(folder));
  EXPECT_EQ(store->document("a"), text + text);
  EXPECT_TRUE(holds(*store, "a", {1, 2}));
  EXPECT_EQ(store->document("b"), std::nullopt);
}

TEST(Documents, GoWithTheNameThatTheyAreAbout) {
  const Folder folder;
  const auto store = StateStore::open(kept_in(folder));
  EXPECT_EQ(keep(*store, "a", "x").error->kind(), ErrorKind::not_found);
  ASSERT_FALSE(say(*store, "a", {1}).error);
  ASSERT_FALSE(keep(*store, "a", "x").error);
  ASSERT_FALSE(store->wait(store->fork("a", "b", false)).error);
  EXPECT_EQ(store->document("b"), std::nullopt) << "it is about a";
  ASSERT_FALSE(say(*store, "b", {2}).error);
  EXPECT_EQ(store->document("a"), "x");
  ASSERT_FALSE(store->wait(store->erase("a")).error);
  EXPECT_EQ(store->document("a"), std::nullopt);
  EXPECT_TRUE(holds(*store, "b", {1, 2})) << "the turn is another's too";
  ASSERT_FALSE(store->wait(store->fork("b", "a", false, 1)).error);
  EXPECT_EQ(store->document("a"), std::nullopt) << "a new name for the turn";
  ASSERT_FALSE(keep(*store, "a", "y").error);
  ASSERT_FALSE(say(*store, "a", {3}).error);
  EXPECT_EQ(store->document("a"), std::nullopt) << "the name has gone on";
}

TEST(Documents, PastTheirPartOfTheLimitTheOldestGoWithTheirSessions) {
  const Folder folder;
  constexpr size_t mib = 1 << 20;
  const auto store = StateStore::open(kept_in(folder, 64 * mib));  // of which 52 are the pages', and 13 of these the documents'
  for (int i = 0; i < 5; ++i) {
    const std::string id = fmt::format("s{}", i);
    ASSERT_FALSE(say(*store, id, {i + 1}).error);
    ASSERT_FALSE(keep(*store, id, std::string(3 * mib, 'x')).error);
  }
  EXPECT_FALSE(store->entry("s0"));
  for (const char* id : {"s1", "s2", "s3", "s4"}) {
    EXPECT_TRUE(store->entry(id)) << id;
    EXPECT_EQ(store->document(id)->size(), 3 * mib) << id;
  }
  EXPECT_EQ(keep(*store, "s4", std::string(14 * mib, 'x')).error->kind(), ErrorKind::too_large);
  EXPECT_EQ(store->document("s4")->size(), 3 * mib) << "what was refused changes nothing";
}

TEST(Documents, OneOfMoreThanItsBoundIsRefused) {
  const auto store = StateStore::open({});
  EXPECT_FALSE(store->lasts());
  ASSERT_FALSE(say(*store, "a", {1}).error);
  EXPECT_EQ(keep(*store, "a", std::string(max_document + 1, 'x')).error->kind(), ErrorKind::too_large);
  ASSERT_FALSE(keep(*store, "a", std::string(max_document, 'x')).error);
}

TEST(Documents, AFileOfVersion2HasAPlaceForThemOnceItWasOpened) {
  const Folder folder;
  {
    const auto store = StateStore::open(kept_in(folder));
    ASSERT_FALSE(say(*store, "a", {1, 2}).error);
  }
  Database(folder.file()).run("DROP TABLE documents; PRAGMA user_version=2", "");
  const auto store = StateStore::open(kept_in(folder));
  EXPECT_TRUE(holds(*store, "a", {1, 2}));
  ASSERT_FALSE(keep(*store, "a", "x").error);
  EXPECT_EQ(store->document("a"), "x");
}

}  // namespace
}  // namespace fulmar::test
