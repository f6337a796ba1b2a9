// A turn whose state has seen more of its text than before: whoever asks next has less to feed.
#include <gtest/gtest.h>

#include "state/sessions.h"

namespace fulmar {
namespace {

using namespace test;

const std::vector<Token> text = {1, 2, 3, 4, 5};

Node put(StateStore& store, const std::string& id) {
  const Outcome outcome = store.wait(store.put(turn_of(store, id, text, text.size())));
  EXPECT_FALSE(outcome.error);
  return outcome.node;
}

TEST(Advance, ATurnsStateGivesItsPlaceToOneThatHasSeenMore) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    const Node turn = put(*store, "a");
    EXPECT_EQ(get(*store, "a").state->fed, 0u);
    store->advance(turn, feed(nullptr, text, 2), "n");
    EXPECT_EQ(get(*store, "a").state->fed, 3u);
    EXPECT_TRUE(holds(*store, "a", text));
    for (const StatePtr& other : {feed(nullptr, text, 4), feed(nullptr, {1, 2, 3, 4}, 0)}) {
      store->advance(turn, other, "n");  // has seen less, and another text
      store->advance(turn + 1, other, "n");
      EXPECT_EQ(get(*store, "a").state->fed, 3u);
    }
    ASSERT_FALSE(say(*store, "a", {6}).error);
    EXPECT_TRUE(holds(*store, "a", {1, 2, 3, 4, 5, 6}));
  }
}

// At once, for what was fed took long.
TEST(Advance, IsWrittenWhereTheFileHasNoStateOfTheTurn) {
  const Folder folder;
  {
    const auto store = StateStore::open(in(folder));
    store->advance(put(*store, "a"), feed(nullptr, text, 1), "n");
  }
  const auto store = StateStore::open(in(folder));
  EXPECT_EQ(get(*store, "a").state->fed, 4u);
  EXPECT_TRUE(holds(*store, "a", text));
}

TEST(Advance, ComesBackToMemoryThatTheStateHasLeft) {
  StoreOptions options;
  options.device_sessions = 1;
  options.memory_sessions = 0;
  const auto store = StateStore::open(options);
  const Node turn = put(*store, "a");
  put(*store, "b");
  store->advance(turn, feed(nullptr, text, 1), "mine");
  const FoundSession found = get(*store, "a");
  EXPECT_EQ(found.state->fed, 4u);
  EXPECT_EQ(found.note, "mine");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(holds(*store, i % 2 ? "a" : "b", text));
}

}  // namespace
}  // namespace fulmar
