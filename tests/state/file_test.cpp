// The store's file as it grows old: states in pieces, its size and its mode, and one that an older version wrote.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "state/schema.h"
#include "state/sessions.h"
#include "state/store_file.h"

namespace fulmar {
namespace {

using namespace test;

uint64_t size_of(const std::string& file) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

// A file with one session, its state of 3 MB not written yet, and what a store does with it step by step.
struct Pieces {
  Folder folder;
  StoreFile file{in(folder)};
  StatePtr state = feed(nullptr, {1, 2, 3}, 1, 800000);
  Node node = put("a", state, {1, 2, 3});

  Node put(const std::string& id, const StatePtr& of, const std::vector<Token>& tokens) {
    return make(KeptTurn{.id = id, .tokens = tokens, .state = of}).node;
  }
  template <typename What>
  Outcome make(What what) {
    const auto change = std::make_shared<PendingChange>();
    change->what = std::move(what);
    file.make(std::span(&change, 1));
    return change->outcome;
  }
  Journal::Written a_piece() {
    return file.write_some([] { return true; });
  }

};

TEST(Pieces, AStateCountsWhenAllOfItIsWrittenAndTurnsComeBetween) {
  Pieces it;
  it.file.begin_to_write(it.node, it.state);
  int pieces = 0;
  for (Journal::Written written = Journal::Written::more; written == Journal::Written::more; ++pieces) {
    written = it.a_piece();
    ASSERT_NE(written, Journal::Written::nothing);
    EXPECT_EQ(it.file.journal().load(it.node).state->fed, written == Journal::Written::all ? 2u : 0u);
    const std::string id = fmt::format("other {}", pieces);
    EXPECT_NE(it.put(id, feed(nullptr, {7}), {7}), 0);
  }
  EXPECT_EQ(pieces, 7);
  EXPECT_TRUE(stands_for(it.file.journal().load(it.node).state, {1, 2, 3}));
}

TEST(Pieces, WhatWasNotWrittenToItsEndLeavesTheFile) {
  const Folder left;
  {
    Pieces it;
    it.file.begin_to_write(it.node, it.state);
    it.a_piece();
    for (const char* ending : {"", "-wal"})
      std::filesystem::copy_file(it.folder.file() + ending, left.file() + ending);
    EXPECT_FALSE(it.make(Erase{"a", false}).error);
    EXPECT_EQ(it.a_piece(), Journal::Written::nothing) << "its turn is gone";
    EXPECT_FALSE(it.file.writing());
    const Node node = it.put("a", it.state, {1, 2, 3});
    it.file.begin_to_write(node, it.state);
    while (it.a_piece() == Journal::Written::more) {
    }
    EXPECT_TRUE(stands_for(it.file.journal().load(node).state, {1, 2, 3}));
  }
  {  // as after a kill
    const auto store = StateStore::open(in(left));
    EXPECT_TRUE(holds(*store, "a", {1, 2, 3}));
    EXPECT_EQ(get(*store, "a").state->fed, 0u);
  }
  EXPECT_EQ(Database(left.file()).number("SELECT count(*) FROM parts", ""), 0);
  EXPECT_EQ(Database(left.file()).number("SELECT count(*) FROM unfinished", ""), 0);
}

TEST(FileSize, TheLimitCountsWhatLiesBesideTheFile) {
  const Folder folder;
  StoreOptions options = in(folder);
  options.limit = 24 << 20;
  options.device_sessions = options.memory_sessions = 1;
  uint64_t largest = 0;
  const auto store = StateStore::open(options);
  for (int i = 0; i < 60; ++i) {
    ASSERT_FALSE(say(*store, fmt::format("s{}", i), {1, 2, 3}, 200000).error);
    largest = std::max(largest, size_of(folder.file()) + size_of(folder.file("sessions.db-wal")) +
                                    size_of(folder.file("sessions.db-reserve")));
  }
  EXPECT_TRUE(soon([&] { return store->stats().unwritten <= 2; }));
  EXPECT_LE(largest, options.limit);
  EXPECT_GT(store->stats().checkpoints, 40u);
  EXPECT_GE(store->stats().file_bytes, size_of(folder.file()));
}

TEST(FileSize, IsGivenBackWhenMuchIsFree) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  for (int i = 0; i < 60; ++i) ASSERT_FALSE(say(*store, fmt::format("s:{}", i), {1, 2}, 250000).error);
  ASSERT_FALSE(say(*store, "other", {1, 2}, 250000).error);
  EXPECT_TRUE(soon([&] { return size_of(folder.file()) > 8 << 20; }));
  ASSERT_FALSE(store->wait(store->erase("s", true)).error);
  EXPECT_TRUE(soon([&] { return size_of(folder.file()) < 6 << 20; })) << size_of(folder.file());
  EXPECT_TRUE(holds(*store, "other", {1, 2}));
}

#ifndef _WIN32
TEST(FileMode, SessionsAreTheirUsersAlone) {
  const Folder folder;
  const auto store = StateStore::open(in(folder));
  ASSERT_FALSE(say(*store, "a", {1}).error);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077), std::filesystem::perms::none) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3) << "the file, its log and the room for deleting";
}
#endif

// As version 1 made it, but for what tells files of this program.
constexpr const char* version_1 = R"(
  PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL;
  CREATE TABLE turns(node INTEGER PRIMARY KEY, parent INTEGER NOT NULL, length INTEGER NOT NULL, refs INTEGER NOT NULL,
                     whole INTEGER NOT NULL, model BLOB NOT NULL, created INTEGER NOT NULL, tokens BLOB NOT NULL,
                     note BLOB NOT NULL);
  CREATE TABLE sessions(id TEXT PRIMARY KEY, head INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL)
      WITHOUT ROWID;
  CREATE TABLE checkpoints(node INTEGER PRIMARY KEY, state BLOB NOT NULL);
  INSERT INTO sessions VALUES('a', 1, 5, 6);
  PRAGMA application_id=1179405650; PRAGMA user_version=1;
)";

TEST(OlderFile, IsBroughtToThisVersionWithAllThatItHas) {
  const Folder folder;
  const StatePtr state = feed(nullptr, {1, 2, 3}, 1, 60000);
  {
    Database database(folder.file());
    database.run(version_1, "");
    const std::vector<Token> tokens = tokens_from(1, 3);
    Statement(database, "INSERT INTO turns VALUES(1, 0, 3, 1, 0, ?, 5, ?, x'6e')", "")
        .run(std::as_bytes(std::span(model.bytes)), std::as_bytes(std::span(tokens)));
    const std::vector<std::byte> bytes = write_state(*state, StatePrecision::f32, {});
    Statement(database, "INSERT INTO checkpoints VALUES(1, ?)", "").run(Blob(bytes));
  }
  for (int i = 4; i < 7; ++i) {
    const auto store = StateStore::open(in(folder));
    EXPECT_TRUE(holds(*store, "a", tokens_from(1, static_cast<size_t>(i - 1))));
    EXPECT_GE(get(*store, "a").state->fed, 2u) << "states are read as they were, and written anew";
    ASSERT_FALSE(say(*store, "a", {i}, 60000).error);
    EXPECT_EQ(store->entry("a")->created, 5);
  }
#ifndef _WIN32
  EXPECT_EQ(std::filesystem::status(folder.file()).permissions() & std::filesystem::perms(077), std::filesystem::perms::none);
#endif
}

}  // namespace
}  // namespace fulmar
