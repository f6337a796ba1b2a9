// A tree of conversations: every turn is a new node, and nodes stay what they are.
#include <mutex>
#include <set>
#include <thread>

#include "api/lightning/native.h"

namespace fulmar::test {
namespace {

constexpr const char* path = "/multi_state/chat/completions";

json::object node(int index, const std::string& text, const std::string& tree = "tree") {
  return with(native(text), {{"session_id", tree}, {"dialogue_idx", index}});
}

struct Turn {
  std::string text;
  int64_t child;
};
Turn turn(const Service& service, const json::object& body) {
  const json::object answer = service.ask(path, body);
  EXPECT_EQ(answer.at("id"), "rwkv7-multi-state");
  EXPECT_EQ(answer.at("object"), "chat.completion");
  return {said(answer), answer.at("dialogue_idx").as_int64()};
}

TEST(MultiState, EveryTurnIsANewNodeAndNodesStay) {
  const Service service;
  const Turn first = turn(service, node(0, "one"));
  EXPECT_EQ(first.child, 1);
  EXPECT_EQ(first.text, whole("one"));
  const Turn second = turn(service, node(0, "another"));
  EXPECT_EQ(second.child, 2);
  EXPECT_EQ(second.text, whole("another"));
  const std::string below = "one" + first.text + "and";
  for (const int64_t child : {3, 4, 5}) {
    const Turn next = turn(service, node(1, "and"));
    EXPECT_EQ(next.child, child);
    EXPECT_EQ(next.text, whole(below));
  }
  const Turn deep = turn(service, node(4, "?"));
  EXPECT_EQ(deep.child, 6);
  EXPECT_EQ(deep.text, whole(below + whole(below) + "?"));
  EXPECT_EQ(service.text_of_session("tree:1"), "one" + first.text);
  EXPECT_FALSE(service.engine->sessions().entry("tree:0"));
}

TEST(MultiState, AStreamTellsTheNewNodeBeforeItsEnd) {
  const Service service;
  const Answer answer = service.post(path, with(node(0, "one"), {{"stream", true}}));
  ASSERT_EQ(answer.status, 200);
  const std::vector<std::string> events = answer.events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_EQ(json::parse(events[events.size() - 2]),
            (json::value{{"object", "multi_state.dialogue_idx"}, {"session_id", "tree:1"}, {"dialogue_idx", 1}}));
  EXPECT_TRUE(service.engine->sessions().entry("tree:1"));
}

TEST(MultiState, CountsOnAfterAStart) {
  const auto store = StateStore::open({});
  {
    const Service service({}, {.sessions = store});
    for (int i = 0; i < 12; ++i) turn(service, node(0, "x"));
    for (const char* stranger : {"tree", "tree:", "tree:x", "tree:99x", "tree:-7", "tree:1:500", "tref:77", "tre:88"})
      store->wait(store->fork("tree:1", stranger, false));
  }
  const Service service({}, {.sessions = store});
  EXPECT_EQ(turn(service, node(7, "y")).child, 13);
  EXPECT_EQ(turn(service, node(0, "y", "other")).child, 1);
}

// A session that has a node's name by other means stays what it is.
TEST(MultiState, PassesNamesThatOthersGave) {
  const auto store = StateStore::open({});
  const Service service({}, {.sessions = store});
  EXPECT_EQ(turn(service, node(0, "x")).child, 1);
  for (const char* name : {"tree:2", "tree:3"}) service.ask("/v1/completions", {{"session_id", name}, {"prompt", "mine"}});
  const std::string mine = service.text_of_session("tree:2"), other = service.text_of_session("tree:3");
  EXPECT_EQ(turn(service, node(1, "y")).child, 4);
  EXPECT_EQ(service.text_of_session("tree:2"), mine);
  EXPECT_EQ(service.text_of_session("tree:3"), other);
}

TEST(MultiState, GivesNoNumberTwice) {
  const Service service;
  std::mutex mutex;
  std::set<int64_t> numbers;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const int64_t child = turn(service, node(0, "x")).child;
        const std::lock_guard lock(mutex);
        numbers.insert(child);
      }
    });
  threads.clear();
  EXPECT_EQ(numbers.size(), 80u);
  EXPECT_EQ(*numbers.rbegin(), 80);
}

TEST(MultiState, RefusesWhatItCannotMean) {
  const Service service;
  struct Case {
    json::object body;
    int status;
    std::string error;
  };
  json::object no_node = node(0, "a"), no_tree = node(0, "a");
  no_node.erase("dialogue_idx");
  no_tree.erase("session_id");
  const Case cases[] = {
      {no_node, 400, "Missing dialogue_idx parameter"},
      {no_tree, 400, "Missing session_id parameter"},
      {with(node(0, "a"), {{"contents", json::array{"a", "b"}}}), 500, "Server Error: Request must be single prompt!"},
      {with(node(0, "a"), {{"contents", json::array{}}}), 500, "Server Error: Request must be single prompt!"},
      {node(7, "a"), 404, "State not found for dialogue_idx=7"},
      {node(-1, "a"), 400, "dialogue_idx must be between 0 and 2147483647"},
      {with(node(0, "a"), {{"dialogue_idx", "0"}}), 400, "dialogue_idx must be an integer, not a string"},
      {node(0, "a", std::string(255, 'x')), 400, "session_id"},
  };
  for (const Case& one : cases) {
    const Answer answer = service.post(path, one.body);
    EXPECT_EQ(answer.status, one.status) << answer.body;
    EXPECT_TRUE(std::string(json::parse(answer.body).at("error").as_string()).starts_with(one.error)) << answer.body;
  }
  EXPECT_EQ(turn(service, node(0, "a")).child, 1);  // nothing of these took a number
}

}  // namespace
}  // namespace fulmar::test
