// Sessions as callers see them: turns, forks, names, and what is refused.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "state/sessions.h"
#include "state/sqlite.h"

namespace fulmar {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

std::string sentence(const Outcome& outcome) {
  return outcome.error ? outcome.error->what() : "";
}

TEST(Sessions, ATurnGoesOnFromTheOneBefore) {
  const auto store = StateStore::open({});
  EXPECT_FALSE(store->find("a").known);
  ASSERT_FALSE(say(*store, "a", {1, 2, 3}).error);
  ASSERT_FALSE(say(*store, "a", {4, 5}).error);
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4, 5}));
  const FoundSession found = get(*store, "a");
  EXPECT_EQ(found.state->fed, 4u);
  EXPECT_THAT(found.state->unfed, ElementsAre(5));
  EXPECT_EQ(found.note, "n");
  const auto entry = store->entry("a");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->tokens, 5u);
  EXPECT_EQ(entry->level, 1);
  EXPECT_EQ(entry->model, model);
  EXPECT_GT(entry->created, 1'600'000'000'000);
  EXPECT_GE(entry->updated, entry->created);
  EXPECT_FALSE(store->entry("b"));
  EXPECT_THROW(store->transcript("b"), Error);
}

TEST(Sessions, AFileKeepsThemOverARestart) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    say(*store, "a", {1, 2, 3});
    say(*store, "a", {4});
    say(*store, "b", {7});
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_EQ(store->entry("a")->level, 3);
  const FoundSession first = store->find("a");
  EXPECT_TRUE(first.known && first.coming && !first.state);
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4}));
  EXPECT_EQ(get(*store, "a").state->fed, 3u) << "the state was written when the store was closed";
  EXPECT_EQ(get(*store, "a").note, "n");
  EXPECT_TRUE(holds(*store, "b", {7}));
  ASSERT_FALSE(say(*store, "a", {5}).error);
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4, 5}));
}

TEST(Sessions, AForkKeepsWhatItWasTakenFrom) {
  const auto store = StateStore::open({});
  say(*store, "a", {1});
  say(*store, "a", {2});
  ASSERT_FALSE(store->wait(store->fork("a", "b", false)).error);
  EXPECT_EQ(store->find("a").state, store->find("b").state) << "a fork is a second name, no copy";
  say(*store, "a", {3});
  say(*store, "b", {4});
  EXPECT_TRUE(holds(*store, "a", {1, 2, 3}));
  EXPECT_TRUE(holds(*store, "b", {1, 2, 4}));
  const Outcome taken = store->wait(store->fork("a", "b", false));
  ASSERT_TRUE(taken.error);
  EXPECT_EQ(taken.error->kind(), ErrorKind::bad_request);
  EXPECT_THAT(sentence(taken), HasSubstr("there is a session b already"));
  ASSERT_FALSE(store->wait(store->fork("a", "b", true)).error);
  EXPECT_TRUE(holds(*store, "b", {1, 2, 3}));
  EXPECT_THAT(sentence(store->wait(store->fork("none", "c", false))), HasSubstr("there is no session none"));
}

TEST(Sessions, AForkCanGoTurnsBack) {
  const auto store = StateStore::open({});
  say(*store, "a", {1});
  say(*store, "a", {2});
  say(*store, "a", {3});
  ASSERT_FALSE(store->wait(store->fork("a", "b", false, 2)).error);
  EXPECT_TRUE(holds(*store, "b", {1}));
  ASSERT_FALSE(store->wait(store->fork("a", "a", true, 1)).error);
  EXPECT_TRUE(holds(*store, "a", {1, 2}));
  EXPECT_TRUE(holds(*store, "b", {1}));
  const Outcome far = store->wait(store->fork("a", "c", false, 2));
  EXPECT_THAT(sentence(far), HasSubstr("session a has only 2 turns"));
  EXPECT_FALSE(store->entry("c"));
}

TEST(Sessions, AreErasedByNameAndBelow) {
  const auto store = StateStore::open({});
  for (const char* id : {"a", "a:1", "a:1:2", "a;", "ab", "b"}) say(*store, id, {1});
  EXPECT_EQ(store->wait(store->erase("a")).count, 1u);
  EXPECT_EQ(store->wait(store->erase("a", true)).count, 2u);
  std::vector<std::string> left;
  for (const SessionEntry& entry : store->list("", 10)) left.push_back(entry.id);
  EXPECT_THAT(left, ElementsAre("a;", "ab", "b"));
  const Outcome none = store->wait(store->erase("a", true));
  ASSERT_TRUE(none.error);
  EXPECT_EQ(none.error->kind(), ErrorKind::not_found);
}

TEST(Sessions, AreListedInPages) {
  const auto store = StateStore::open({});
  for (int i = 0; i < 25; ++i) say(*store, fmt::format("s{}", i), {1});
  std::vector<std::string> ids;
  for (;;) {
    const auto page = store->list(ids.empty() ? "" : ids.back(), 10);
    if (page.empty()) break;
    for (const auto& entry : page) ids.push_back(entry.id);
  }
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST(Sessions, ATurnThatWasOvertakenChangesNothing) {
  const auto store = StateStore::open({});
  say(*store, "a", {1});
  const KeptTurn late = turn_of(*store, "a", {2});
  say(*store, "a", {3});
  const Outcome overtaken = store->wait(store->put(late));
  ASSERT_TRUE(overtaken.error);
  EXPECT_EQ(overtaken.error->kind(), ErrorKind::conflict);
  EXPECT_TRUE(holds(*store, "a", {1, 3}));

  const KeptTurn orphan = turn_of(*store, "a", {4});
  store->wait(store->erase("a"));
  const Outcome gone = store->wait(store->put(orphan));
  ASSERT_TRUE(gone.error);
  EXPECT_EQ(gone.error->kind(), ErrorKind::not_found);
  EXPECT_THAT(sentence(gone), HasSubstr("session a was deleted while this turn ran"));
  EXPECT_FALSE(store->find("a").known);

  KeptTurn new_one{.id = "b", .tokens = {1}, .state = feed(nullptr, {1})};
  ASSERT_FALSE(store->wait(store->put(new_one)).error);
  EXPECT_TRUE(store->wait(store->put(new_one)).error) << "it exists by now";
  new_one.replace = true;
  EXPECT_FALSE(store->wait(store->put(new_one)).error);
  EXPECT_TRUE(holds(*store, "b", {1}));
}

TEST(Sessions, ATurnCanBeKeptUnderAnotherName) {
  const auto store = StateStore::open({});
  say(*store, "a", {1});
  KeptTurn turn = turn_of(*store, "a", {2});
  turn.id = "b";
  EXPECT_TRUE(store->wait(store->put(turn)).error) << "b is taken for one that was deleted";
  turn.replace = true;
  ASSERT_FALSE(store->wait(store->put(turn)).error);
  EXPECT_TRUE(holds(*store, "a", {1}));
  EXPECT_TRUE(holds(*store, "b", {1, 2}));
}

TEST(Sessions, ATurnWhoseTokensAreNotItsStatesIsRefused) {
  const auto store = StateStore::open({});
  const auto refused = [&](KeptTurn turn) { return sentence(store->wait(store->put(std::move(turn)))); };
  EXPECT_THAT(refused({.id = "a", .tokens = {1, 2}, .state = feed(nullptr, {2})}), HasSubstr("2 tokens and its state 1"));
  EXPECT_THAT(refused({.id = "a", .tokens = {1, 2}, .state = feed(nullptr, {1, 3})}), HasSubstr("unfed"));
  EXPECT_THAT(refused({.id = "a", .tokens = {1}, .state = nullptr}), HasSubstr("no state"));
  EXPECT_THAT(refused({.id = "a", .tokens = {1}, .state = feed(nullptr, {1}), .note = std::string(max_note + 1, 'x')}),
              HasSubstr("note"));
  say(*store, "a", {1});
  KeptTurn foreign = turn_of(*store, "a", {2});
  auto state = std::make_shared<State>(*foreign.state);
  state->model.bytes[3] ^= 1;
  foreign.state = state;
  EXPECT_THAT(refused(foreign), HasSubstr("another model's"));
  EXPECT_TRUE(holds(*store, "a", {1}));
}

TEST(Sessions, NamesAreTextOfUpTo256Bytes) {
  const auto store = StateStore::open({});
  const std::vector<std::string> good = {"a", std::string(256, 'x'), "../..", "'; DROP TABLE turns; --", "%_*", " ",
                                         "\xe7\xbe\x8e", "\xc2\xa0"};
  for (const std::string& id : good) {
    EXPECT_FALSE(say(*store, id, {1}).error) << id;
    EXPECT_TRUE(holds(*store, id, {1})) << id;
  }
  const std::vector<std::string> bad = {"", std::string(257, 'x'), std::string(1 << 20, 'x'), std::string("a\0b", 3), "a\n",
                                        "\x7f", "\xff", "a\xe7\xbe", "\xc2\x85"};
  for (const std::string& id : bad) {
    KeptTurn turn{.id = id, .tokens = {1}, .state = feed(nullptr, {1})};
    const Outcome outcome = store->wait(store->put(turn));
    ASSERT_TRUE(outcome.error) << id.substr(0, 10);
    EXPECT_EQ(outcome.error->kind(), ErrorKind::bad_request);
    EXPECT_EQ(outcome.error->param(), "session_id");
    EXPECT_TRUE(store->wait(store->fork("a", id, true)).error);
    EXPECT_FALSE(store->find(id).known);
  }
  EXPECT_EQ(store->stats().sessions, good.size());
}

TEST(Sessions, WhatNoNameNeedsLeavesTheFile) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    for (int i = 0; i < 20; ++i) say(*store, "a", {i});
    store->wait(store->fork("a", "b", false, 10));
    say(*store, "b", {100});
    store->wait(store->erase("a"));
    EXPECT_TRUE(holds(*store, "b", [] {
      std::vector<Token> text = tokens_from(0, 10);
      text.push_back(100);
      return text;
    }()));
  }
  Database database(folder.file());
  EXPECT_EQ(database.number("SELECT count(*) FROM turns", ""), 11);
  EXPECT_EQ(database.number("SELECT count(*) FROM checkpoints", ""), 1);
  EXPECT_EQ(database.number("SELECT sum(refs) FROM turns", ""), 11);
}

TEST(Sessions, ListenersHearOfChangesUntilTheyGo) {
  const auto store = StateStore::open({});
  std::atomic<int> heard = 0;
  Subscription subscription = store->subscribe([&] { ++heard; });
  say(*store, "a", {1});
  while (heard == 0) std::this_thread::yield();
  subscription.reset();
  const int before = heard;
  say(*store, "a", {2});
  EXPECT_EQ(heard, before);
}

TEST(Sessions, ManyThreadsAtOnce) {
  const Folder folder;
  StoreOptions options = in(folder);
  options.device_sessions = 2;
  options.memory_sessions = 2;
  options.checkpoint_every = 3;
  const auto store = StateStore::open(options);
  const Subscription subscription = store->subscribe([] {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      const std::string id = fmt::format("s{}", t);
      for (int i = 0; i < 12; ++i) {
        EXPECT_FALSE(say(*store, id, {i}).error);
        EXPECT_EQ(store->entry(id)->tokens, static_cast<uint64_t>(i + 1));
        store->list("", 3);
        store->stats();
        if (i == 5) store->wait(store->fork(id, fmt::format("{}-fork", id), true));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (int t = 0; t < 8; ++t) {
    EXPECT_TRUE(holds(*store, fmt::format("s{}", t), tokens_from(0, 12)));
    EXPECT_TRUE(holds(*store, fmt::format("s{}-fork", t), tokens_from(0, 6)));
  }
}

}  // namespace
}  // namespace fulmar
