// Random operations on a store, beside a model of it that is a map of texts; and a store with ten thousand sessions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "state/sessions.h"

namespace fulmar {
namespace {

using namespace test;
using Turns = std::vector<std::vector<Token>>;

std::vector<Token> text_of(const Turns& turns) {
  std::vector<Token> text;
  for (const auto& turn : turns) text.insert(text.end(), turn.begin(), turn.end());
  return text;
}

class Random {
 public:
  Random(unsigned seed, uint64_t limit) : random_(seed) {
    options_ = in(folder_);
    options_.device_sessions = 1 + below(2);
    options_.memory_sessions = 1 + below(3);
    options_.checkpoint_every = 1 + below(5);
    options_.idle_seconds = 0.01;
    options_.limit = limit;
    store_ = StateStore::open(options_);
  }

  void step() {
    const std::string id = any_id();
    switch (below(12)) {
      case 0:
        return fork(id, any_id(), below(2) == 0, below(3));
      case 1:
        return erase(id, below(2) == 0);
      case 2:
        return replace(id);
      case 3:
        return look(id);
      case 4:
        if (below(8) == 0) reopen();
        return;
      default:
        return say(id);
    }
  }
  void check() {
    std::vector<std::string> ids;
    for (const SessionEntry& entry : store_->list("", 1000)) ids.push_back(entry.id);
    std::vector<std::string> expected;
    for (const auto& [id, turns] : model_) expected.push_back(id);
    ASSERT_EQ(ids, expected);
    for (const auto& [id, turns] : model_) ASSERT_TRUE(holds(*store_, id, text_of(turns))) << id;
  }
  void reopen() {
    store_.reset();
    store_ = StateStore::open(options_);
    check();
  }

 private:
  uint32_t below(uint32_t count) { return static_cast<uint32_t>(random_() % count); }
  std::string any_id() {
    static const char* const ids[] = {"a", "a:1", "a:2", "a:1:x", "b", "b:1", "c", "d"};
    return ids[below(8)];
  }
  std::vector<Token> any_tokens() { return tokens_from(static_cast<int>(below(60000)), 1 + below(30)); }

  void say(const std::string& id) {
    const std::vector<Token> tokens = any_tokens();
    ASSERT_FALSE(test::say(*store_, id, tokens, 2000).error);
    model_[id].push_back(tokens);
  }
  void replace(const std::string& id) {
    const std::vector<Token> tokens = any_tokens();
    KeptTurn turn{.id = id, .tokens = tokens, .state = feed(nullptr, tokens, below(3), 2000), .replace = true};
    turn.whole = below(2) == 0;
    ASSERT_FALSE(store_->wait(store_->put(turn)).error);
    model_[id] = {tokens};
  }
  void fork(const std::string& from, const std::string& to, bool replaces, uint32_t back) {
    const bool can = model_.contains(from) && model_[from].size() > back && (replaces || !model_.contains(to));
    ASSERT_EQ(!store_->wait(store_->fork(from, to, replaces, back)).error, can);
    if (!can) return;
    Turns turns = model_[from];
    turns.resize(turns.size() - back);
    model_[to] = turns;
  }
  void erase(const std::string& id, bool also_below) {
    const Outcome outcome = store_->wait(store_->erase(id, also_below));
    const size_t gone = std::erase_if(model_, [&](const auto& session) {
      return session.first == id || (also_below && session.first.starts_with(id + ':'));
    });
    ASSERT_EQ(outcome.count, gone);
    ASSERT_EQ(outcome.error.has_value(), gone == 0);
  }
  void look(const std::string& id) {
    const FoundSession found = get(*store_, id);
    ASSERT_EQ(found.known, model_.contains(id));
    if (found.known) {
      ASSERT_TRUE(stands_for(found.state, text_of(model_[id]))) << id;
    }
  }

  std::mt19937 random_;
  Folder folder_;
  StoreOptions options_;
  std::shared_ptr<StateStore> store_;
  std::map<std::string, Turns> model_;
};

TEST(RandomSessions, AreWhatAMapOfTextsSays) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, seed % 2 == 0 ? 0 : 500 << 10);
    for (int i = 0; i < 400; ++i) {
      random.step();
      if (testing::Test::HasFatalFailure()) return;
    }
    random.reopen();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(ManySessions, TenThousandAreAnOrdinaryStore) {
  const Folder folder;
  constexpr int sessions = 10000;
  const auto id_of = [](int i) { return fmt::format("user-{:05}", i); };
  {
    const auto store = StateStore::open(in(folder));
    std::vector<Ticket> tickets;
    for (int i = 0; i < sessions; ++i)
      tickets.push_back(store->put({.id = id_of(i), .tokens = {i, i + 1}, .state = feed(nullptr, {i, i + 1})}));
    for (const Ticket& ticket : tickets) ASSERT_FALSE(store->wait(ticket).error);
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_EQ(store->stats().sessions, static_cast<uint64_t>(sessions));
  std::mt19937 random(3);
  std::map<int, std::vector<Token>> texts;
  for (int i = 0; i < 300; ++i) {
    const int which = static_cast<int>(random() % 200) * 50;
    std::vector<Token>& text = texts.try_emplace(which, std::vector<Token>{which, which + 1}).first->second;
    ASSERT_TRUE(holds(*store, id_of(which), text)) << which;
    ASSERT_FALSE(say(*store, id_of(which), {i}).error);
    text.push_back(i);
  }
  const StoreStats stats = store->stats();
  EXPECT_EQ(stats.sessions, static_cast<uint64_t>(sessions));
  EXPECT_LE(stats.level1 + stats.level2, 48u + 8u);
  EXPECT_EQ(store->wait(store->erase(id_of(7))).count, 1u);
  EXPECT_EQ(store->list("", sessions).size(), static_cast<size_t>(sessions - 1));
}

}  // namespace
}  // namespace fulmar
