// Forks, what is told of a session, and its end.
#include <boost/json/serialize.hpp>

#include "api/states/service.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

TEST(States, AForkGoesOnByItself) {
  const StateService service;
  const std::string said = service.turn("one", "s", "s");
  const Answer answer = service.post("/state/fork", R"({"from": "s", "to": "branch"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(object_of(answer), json::object({{"session_id", "branch"}, {"tokens", 3 + said.size()}}));
  const std::string two = service.turn("two", "branch", "branch");
  EXPECT_EQ(service.turn("two", "s", "s"), two);
  EXPECT_NE(service.turn("three", "branch", "branch"), two);
  EXPECT_EQ(object_of(service.get("/state/s"))["tokens"], 3 + said.size() + 3 + two.size());
}

TEST(States, AForkCanBeTakenSomeTurnsBack) {
  const StateService service;
  service.turn("one", "s", "s");
  service.post("/state/fork", R"({"from": "s", "to": "first"})");
  service.turn("two", "s", "s");
  ASSERT_EQ(service.post("/state/fork", R"({"from": "s", "to": "back", "back": 1})").status, 200);
  EXPECT_EQ(service.turn("other", "back", "back"), service.turn("other", "first", "first"));
  complaint(service.post("/state/fork", R"({"from": "s", "to": "before", "back": 3})"), 404);
}

TEST(States, AForkReplacesOnlyWhereItIsTold) {
  const StateService service;
  service.turn("one", "s", "s");
  service.turn("something else", "other", "other");
  complaint(service.post("/state/fork", R"({"from": "s", "to": "other"})"), 400);
  EXPECT_EQ(object_of(service.get("/state/other"))["tokens"], 14 + 5);
  ASSERT_EQ(service.post("/state/fork", R"({"from": "s", "to": "other", "replace": true})").status, 200);
  EXPECT_EQ(object_of(service.get("/state/other"))["tokens"], 3 + 5);
  EXPECT_THAT(complaint(service.post("/state/fork", R"({"from": "nobody", "to": "x"})"), 404), HasSubstr("nobody"));
  EXPECT_EQ(complaint(service.post("/state/fork", R"({"to": "x"})"), 400, "from"), "from is missing");
  EXPECT_EQ(complaint(service.post("/state/fork", R"({"from": "s"})"), 400, "to"), "to is missing");
}

TEST(States, ASessionTellsWhatItHasRead) {
  const StateService service;
  const std::string said = service.turn("Hello?", "s", "s");
  const json::object told = object_of(service.get("/state/s"));
  EXPECT_EQ(told.at("session_id"), "s");
  EXPECT_EQ(told.at("tokens"), 6 + said.size());
  EXPECT_EQ(told.at("unknown_tokens"), 0);
  EXPECT_EQ(told.at("cache_level"), "L1 (VRAM)");
  EXPECT_GT(told.at("bytes").to_number<int64_t>(), 0);
  EXPECT_GT(told.at("created").to_number<double>(), 1.6e9);
  EXPECT_GE(told.at("updated").to_number<double>(), told.at("created").to_number<double>());
  EXPECT_EQ(told.at("text").as_string(), "Hello?" + said);
  complaint(service.get("/state/nobody"), 404, "session_id");
}

// Tokens are numbers, and another vocabulary would make words of them that nobody wrote.
TEST(States, ATextOfAnotherVocabularyIsNotSpelled) {
  const StateService service;
  service.turn("one", "s", "s");
  const auto state = std::make_shared<State>();
  state->model = service.engine->sessions().entry("s")->model;
  state->unfed = {'a', 'b'};
  for (const size_t byte : {0u, 15u}) {  // of the weights, and of the vocabulary
    state->model.bytes[byte] ^= 1;
    KeptTurn turn{.id = "other", .tokens = state->unfed, .state = std::make_shared<State>(*state), .replace = true};
    ASSERT_FALSE(service.engine->sessions().wait(service.engine->sessions().put(turn)).error);
    const json::object told = object_of(service.get("/state/other"));
    EXPECT_EQ(told.at("tokens"), 2);
    if (byte == 0) {
      EXPECT_EQ(told.at("text"), "ab");
      EXPECT_EQ(told.if_contains("text_missing"), nullptr);
      continue;
    }
    EXPECT_EQ(told.at("text"), nullptr);
    EXPECT_THAT(std::string(told.at("text_missing").as_string()), HasSubstr("format=tokens"));
    EXPECT_THAT(complaint(service.get("/state/export/other?format=text"), 400, "format"), HasSubstr("format=tokens"));
    EXPECT_EQ(object_of(service.get("/state/export/other?format=tokens"))["tokens"], (json::array{97, 98}));
  }
}

TEST(States, WhatIsDeletedIsGone) {
  const StateService service;
  for (const char* id : {"a", "a:1", "a:1:2", "ab"}) service.turn("one", id, id);
  EXPECT_EQ(object_of(service.erase("/state/ab")), json::object({{"session_id", "ab"}, {"deleted", 1}}));
  complaint(service.erase("/state/ab"), 404);
  EXPECT_EQ(object_of(service.erase("/state/a?below=true"))["deleted"], 3);
  complaint(service.get("/state/a:1"), 404);
  for (const char* word : {"perhaps", "", "True"})
    complaint(service.erase("/state/a?below=" + std::string(word)), 400, "below");
}

// Whatever a name is made of, it is one session's and nothing else.
TEST(States, AnyTextIsAName) {
  const StateService service;
  const std::vector<std::pair<std::string, std::string>> names = {  // as it is and in a path
      {"x' OR '1'='1", "x'%20OR%20'1'%3D'1"},
      {"\"; DROP TABLE sessions; --", "%22;%20DROP%20TABLE%20sessions;%20--"},
      {"../../etc/passwd", "..%2F..%2Fetc%2Fpasswd"},
      {"..", "%2E%2E"},
      {"a//b/", "a%2F%2Fb%2F"},
      {"export/x", "export%2Fx"},
      {"%41", "%2541"},
      {"a+b?c#d&e=f", "a+b%3Fc%23d%26e=f"},
      {"日本 🐦", "%E6%97%A5%E6%9C%AC%20%F0%9F%90%A6"},
      {std::string(256, 'n'), std::string(256, 'n')},
  };
  for (const auto& [name, path] : names) {
    service.turn("one", name, name);
    const std::string body = json::serialize(json::object{{"from", name}, {"to", "copy"}, {"replace", true}});
    EXPECT_EQ(service.post("/state/fork", body).status, 200) << name;
    EXPECT_EQ(object_of(service.get("/state/" + path))["session_id"], json::value(name));
    const Answer file = service.get("/state/export/" + path);
    EXPECT_EQ(file.status, 200) << name;
    EXPECT_THAT(file.headers.at("content-disposition"),
                testing::MatchesRegex("attachment; filename=\"[A-Za-z0-9_][A-Za-z0-9._-]*.state.safetensors\""));
    EXPECT_EQ(object_of(service.erase("/state/" + path))["deleted"], 1) << name;
    EXPECT_FALSE(service.engine->sessions().entry(name));
  }
}

TEST(States, WhatCanBeNoNameIsRefusedByTheFieldItCameIn) {
  const StateService service;
  service.turn("one", "s", "s");
  const std::string large(1 << 20, 'x'), much(257, 'x');
  for (const std::string id : {R"("\u0000")", R"("a\u0000b")", R"("tab\t")", R"("line\n")", R"("\u007f")", R"("\u0085")"})
    complaint(service.post("/state/fork", R"({"from": "s", "to": )" + id + "}"), 400, "to");
  complaint(service.post("/state/fork", R"({"from": "s", "to": ")" + large + "\"}"), 400, "to");
  complaint(service.post("/state/fork", R"({"from": ")" + much + R"(", "to": "x"})"), 400, "from");
  complaint(service.post("/state/fork", R"({"from": "s", "to": ""})"), 400, "to");
  complaint(service.post("/state/fork", R"({"from": "s", "to": 7})"), 400, "to");
  complaint(service.post("/state/mix", R"({"states": ["s", ""], "to": "x"})"), 400, "states[1]");
  complaint(service.get("/state/" + much), 400, "session_id");
  complaint(service.get("/state/%FF%FE"), 400, "session_id");
  complaint(service.get("/state/%C2%85"), 400, "session_id");
  complaint(service.erase("/state/export%2F" + much), 400, "session_id");
  complaint(service.get("/state/export/" + much), 400, "session_id");
  EXPECT_EQ(service.get("/state/%00").status, 400);
  EXPECT_EQ(service.get("/state/a%0Ab").status, 400);
  EXPECT_EQ(service.get("/state/" + large).status, 414);
  EXPECT_EQ(service.get("/state/").status, 404);
  EXPECT_EQ(service.engine->sessions().stats().sessions, 1u);
}

TEST(States, HealthCountsThem) {
  const StateService service;
  service.turn("one", "s", "s");
  service.turn("two", "s", "s");
  json::object health = object_of(service.get("/health"));
  const json::object& sessions = health["sessions"].as_object();
  EXPECT_EQ(sessions.at("count"), 1);
  EXPECT_EQ(sessions.at("l1"), 1);
  EXPECT_EQ(sessions.at("hits"), 1);
  EXPECT_EQ(sessions.at("misses"), 1);
  EXPECT_EQ(sessions.at("journal_queued"), 0);
  EXPECT_EQ(sessions.at("last_error"), nullptr);
  for (const char* key : {"l2", "l3", "reads", "memory_bytes", "file_bytes", "journal_lag_seconds", "unwritten_states",
                          "checkpoints", "checkpoint_seconds", "slowest_checkpoint_seconds"})
    EXPECT_TRUE(sessions.at(key).is_number()) << key;
  const json::object& prefixes = health["prefix_cache"].as_object();
  for (const char* key : {"hits", "misses", "states", "bytes"}) EXPECT_TRUE(prefixes.at(key).is_number()) << key;
}

}  // namespace
}  // namespace fulmar::test
