// Holders of keys: who is let in, what he may use, how much of it, and that nobody sees another's sessions.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "answer/key_file.h"
#include "base/sha256.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

constexpr std::string_view alice = "Authorization: Bearer alices-long-key-1\r\n", bob = "x-api-key: bobs-long-key-00001\r\n",
                           operator_ = "Authorization: Bearer sesame\r\n";

struct Guarded : Harness {
  explicit Guarded(std::vector<http::Key> keys) : Guarded(std::move(keys), std::make_shared<http::Keys>("sesame")) {}
  Guarded(std::vector<http::Key> keys, const std::shared_ptr<http::Keys>& ring) : Harness({}, with(ring)) {
    ring->set(keys);
    context.password = "sesame";
    context.keys = ring;
  }
  static http::ServerOptions with(const std::shared_ptr<http::Keys>& ring) {
    http::ServerOptions options;
    options.keys = ring;
    return options;
  }
  Answer ask(std::string_view method, std::string_view path, std::string_view body, std::string_view headers) const {
    Client one = client();
    one.send(method, path, body, headers);
    return one.receive();
  }
  void keep(const std::string& id) {
    KeptTurn turn;
    turn.id = id;
    turn.tokens = {'h', 'i'};
    auto state = std::make_shared<State>();
    state->fed = 2;
    turn.state = state;
    ASSERT_FALSE(engine.sessions().wait(engine.sessions().put(turn)).error);
  }
};

http::Key key_of(std::string name, std::string_view word) {
  http::Key key;
  key.name = std::move(name);
  key.digest = sha256(word);
  return key;
}

std::vector<http::Key> two_keys() {
  return {key_of("alice", "alices-long-key-1"), key_of("bob", "bobs-long-key-00001")};
}

TEST(Keys, WhoHasOneIsLetInByEitherHeaderAndNobodyElse) {
  const Guarded harness(two_keys());
  for (const std::string_view headers : {alice, bob, operator_, std::string_view("Authorization: Bearer wrong\r\nx-api-key: bobs-long-key-00001\r\n")})
    EXPECT_EQ(harness.ask("GET", "/v1/models", {}, headers).status, 200) << headers;
  for (const std::string_view headers : {"", "x-api-key: \r\n", "x-api-key: bobs-long-key-0000\r\n", "Authorization: Bearer alices-long-key-11\r\n",
                                         "Authorization: alices-long-key-1\r\n", "Authorization: Bearer alice\r\n"})
    EXPECT_EQ(harness.ask("GET", "/v1/models", {}, headers).status, 401) << headers;
  EXPECT_EQ(harness.ask("POST", "/v1/server/stop", R"({"password": "bobs-long-key-00001"})", {}).status, 200) << "in the body";
  EXPECT_EQ(harness.ask("POST", "/v1/server/stop", R"({"password": "bobs"})", {}).status, 401);
}

TEST(Keys, AListWithoutKeysOpensNothing) {
  const Guarded harness({}, std::make_shared<http::Keys>());
  EXPECT_EQ(harness.ask("GET", "/v1/models", {}, {}).status, 401);
  EXPECT_EQ(harness.ask("GET", "/health", {}, {}).status, 200);
}

TEST(Keys, ModelsThatAreNotListedAreNotThere) {
  std::vector<http::Key> keys = two_keys();
  keys[0].models = {"another"};
  keys[1].models = {"fake-rwkv"};
  const Guarded harness(keys);
  const std::string_view body = R"({"prompt": "a", "max_tokens": 1})";
  const Answer refused = harness.ask("POST", "/v1/completions", body, alice);
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(error_of(refused)["param"], "model");
  EXPECT_EQ(harness.ask("POST", "/v3/chat/completions", R"({"contents": ["a"]})", alice).status, 404) << "other families too";
  EXPECT_EQ(harness.ask("POST", "/v1/completions", body, bob).status, 200);
  http::Key tuned = keys[1];
  EXPECT_TRUE(http::Holder(tuned).may_use("fake-rwkv tuned"));
  EXPECT_FALSE(http::Holder(tuned).may_use("fake-rwkv2"));
}

TEST(Keys, WhatHoldsForOthersIsTheManagers) {
  std::vector<http::Key> keys = two_keys();
  keys[1].manages = true;
  const Guarded harness(keys);
  const Answer refused = harness.ask("POST", "/models/unload", R"({"model": "fake-rwkv"})", alice);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("permission_error")) << "in llama.cpp's words";
  EXPECT_EQ(harness.ask("POST", "/models/unload", R"({"model": "fake-rwkv"})", bob).status, 400) << "there is no folder of models";
}

TEST(Keys, MoreThanIsAllowedIsRefusedUntilItComesBack) {
  std::vector<http::Key> keys = two_keys();
  keys[0].requests = 2;
  const Guarded harness(keys);
  const std::string_view body = R"({"text": "a"})";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(harness.ask("POST", "/v1/tokens/count", body, alice).status, 200);
  const Answer refused = harness.ask("POST", "/v1/tokens/count", body, alice);
  EXPECT_EQ(refused.status, 429);
  EXPECT_LE(std::stoi(refused.headers.at("retry-after")), 30);
  EXPECT_GE(std::stoi(refused.headers.at("retry-after")), 1);
  EXPECT_EQ(harness.ask("GET", "/v1/models", {}, alice).status, 200) << "who only looks";
  EXPECT_EQ(harness.ask("POST", "/v1/tokens/count", body, bob).status, 200) << "another";
}

TEST(Keys, TokensArePaidWhenTheAnswerEnds) {
  std::vector<http::Key> keys = two_keys();
  keys[0].tokens = 10;
  const Guarded harness(keys);
  const std::string_view body = R"({"prompt": "abcde", "max_tokens": 20})";
  EXPECT_EQ(harness.ask("POST", "/v1/completions", body, alice).status, 200);
  EXPECT_TRUE(eventually([&] { return harness.context.keys->listed()[0]->charged == 25; }));
  const Answer refused = harness.ask("POST", "/v1/completions", body, alice);
  EXPECT_EQ(refused.status, 429);
  EXPECT_GE(std::stoi(refused.headers.at("retry-after")), 60) << "15 tokens more than there were";
  EXPECT_EQ(error_of(refused)["code"], "rate_limit_exceeded");
}

TEST(Keys, WhoStaysInTheListKeepsWhatHeUsed) {
  http::Keys keys;
  std::vector<http::Key> list = two_keys();
  list[0].requests = 1;
  keys.set(list);
  EXPECT_EQ(keys.find("alices-long-key-1")->admit(), 0);
  keys.set({list[0]});
  EXPECT_GT(keys.find("alices-long-key-1")->admit(), 0);
  EXPECT_EQ(keys.find("bobs-long-key-00001"), nullptr) << "no longer there";
}

TEST(Keys, NobodySeesAnothersSessions) {
  Guarded harness(two_keys());
  for (const char* id : {"alice/diary", "alice/notes", "alicf", "bob/notes", "other"}) harness.keep(id);
  EXPECT_EQ(harness.ask("GET", "/state/diary", {}, alice).status, 200);
  EXPECT_EQ(harness.ask("GET", "/state/diary", {}, bob).status, 404);
  EXPECT_EQ(harness.ask("GET", "/state/other", {}, alice).status, 404);
  EXPECT_EQ(harness.ask("GET", "/state/alice%2Fdiary", {}, bob).status, 404) << "nor by the name it has inside";
  EXPECT_EQ(harness.ask("GET", "/state/..%2Falice%2Fdiary", {}, bob).status, 404);
  EXPECT_EQ(harness.ask("GET", "/state/alice%2Fdiary", {}, operator_).status, 200) << "the password sees all";
  const Answer list = harness.ask("POST", "/state/status", "{}", alice);
  EXPECT_THAT(list.body, HasSubstr("diary"));
  EXPECT_THAT(list.body, HasSubstr("notes"));
  EXPECT_THAT(list.body, testing::Not(HasSubstr("bob")));
  EXPECT_THAT(list.body, testing::Not(HasSubstr("alic")));
  EXPECT_EQ(harness.ask("DELETE", "/state/notes", {}, bob).status, 200);
  EXPECT_EQ(harness.ask("DELETE", "/state/notes", {}, bob).status, 404);
  EXPECT_EQ(harness.ask("GET", "/state/notes", {}, alice).status, 200);
  EXPECT_EQ(harness.ask("POST", "/state/fork", R"({"from": "diary", "to": "copy"})", bob).status, 404);
  EXPECT_EQ(harness.ask("POST", "/state/fork", R"({"from": "diary", "to": "copy"})", alice).status, 200);
  EXPECT_TRUE(harness.engine.sessions().entry("alice/copy"));
}

TEST(Keys, ErrorsCallASessionAsItsHolderDoes) {
  Guarded harness(two_keys());
  harness.keep("bob/there");
  const auto refused = [&](std::string_view method, std::string_view path, std::string_view body) {
    const Answer answer = harness.ask(method, path, body, bob);
    EXPECT_GE(answer.status, 400) << path;
    EXPECT_THAT(answer.body, testing::Not(HasSubstr("bob/"))) << path;
    return answer.body;
  };
  EXPECT_THAT(refused("DELETE", "/state/x", {}), HasSubstr("there is no session x"));
  EXPECT_THAT(refused("POST", "/state/fork", R"({"from": "x", "to": "y"})"), HasSubstr("there is no session x"));
  EXPECT_THAT(refused("POST", "/state/fork", R"({"from": "there", "to": "there"})"), HasSubstr("there is a session there already"));
  EXPECT_THAT(refused("POST", "/state/fork", R"({"from": "there", "to": "y", "back": 9})"), HasSubstr("session there has only"));
  const auto told = [](const std::string& tenant, const char* sentence) {
    return std::string(api::told_to(tenant, Error(ErrorKind::bad_request, sentence)).what());
  };
  EXPECT_EQ(told("bob", "session 'bob/x' is of another model"), "session 'x' is of another model") << "the engine's";
  EXPECT_EQ(told("bob", "session bob/bob/x is gone, session bob/y too"), "session bob/x is gone, session y too");
  EXPECT_EQ(told("bob", "session alice/x"), "session alice/x");
  EXPECT_EQ(told("", "session /x"), "session /x") << "whoever has the password";
}

TEST(Keys, TheEngineIsToldWhoseSessionsAndPromptsTheyAre) {
  const Guarded harness(two_keys());
  const std::string_view body = R"({"prompt": "a", "max_tokens": 1, "session_id": "talk"})";
  EXPECT_EQ(harness.ask("POST", "/v1/completions", body, alice).status, 200);
  EXPECT_EQ(harness.engine.last_request().tenant, "alice");
  EXPECT_EQ(harness.engine.last_request().streams.at(0).from, "alice/talk");
  EXPECT_EQ(harness.engine.last_request().streams.at(0).keep, "alice/talk");
  EXPECT_EQ(harness.ask("POST", "/v1/completions", body, operator_).status, 200);
  EXPECT_EQ(harness.engine.last_request().tenant, "");
  EXPECT_EQ(harness.engine.last_request().streams.at(0).keep, "talk");
}

// The file itself.
struct KeyFile {
  explicit KeyFile(std::string_view text) : path(std::filesystem::path(testing::TempDir()) / "keys.json") {
    std::ofstream(path) << text;
  }
  ~KeyFile() { std::filesystem::remove(path); }
  const std::filesystem::path path;
};

std::string trouble_of(std::string_view text) {
  const KeyFile file(text);
  try {
    api::read_key_file(file.path.string());
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Keys, AreReadFromAFile) {
  const KeyFile file(R"({"keys": [
      {"name": "alice", "key": "alices-long-key-1", "models": ["a", "b"], "requests_per_minute": 60, "tokens_per_minute": 1000},
      {"name": "bob", "sha256": "DB0EFA5BC8FE5C6F7E2E70A5EFA9ED0C2C5EB0A2C1FA5F5D4A43F2D13D0C5C77", "manage": true}]})");
  const std::vector<http::Key> keys = api::read_key_file(file.path.string());
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].digest, sha256("alices-long-key-1"));
  EXPECT_EQ(keys[0].models, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(keys[0].requests, 60u);
  EXPECT_EQ(keys[0].tokens, 1000u);
  EXPECT_FALSE(keys[0].manages);
  EXPECT_TRUE(keys[1].manages);
}

TEST(Keys, AnEmptyListLetsNobodyIn) {
  const KeyFile file(R"({"keys": []})");
  const Guarded harness(api::read_key_file(file.path.string()), std::make_shared<http::Keys>(""));
  EXPECT_EQ(harness.ask("GET", "/v1/models", "", alice).status, 401);
  EXPECT_EQ(harness.ask("GET", "/v1/models", "", "").status, 401);
}

TEST(Keys, AFileThatIsWrongIsRefusedWithItsPlace) {
  const struct {
    std::string_view text, words;
  } rows[] = {
      {"", "JSON"},
      {"[]", "object"},
      {"{}", "no list"},
      {R"({"key": []})", "no field key"},
      {R"({"keys": null})", "no list"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef", "models": []}]})", "models is empty"},
      {R"({"keys": [3]})", "keys[0] is no object"},
      {R"({"keys": [{"name": "a"}]})", "keys[0] give key or sha256"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef", "sha256": "00"}]})", "not both"},
      {R"({"keys": [{"name": "a", "key": "short"}]})", "guessed"},
      {R"({"keys": [{"name": "a", "key": "with blanks in it 1"}]})", "HTTP header"},
      {R"({"keys": [{"name": "a/b", "key": "0123456789abcdef"}]})", "name must be letters"},
      {R"({"keys": [{"key": "0123456789abcdef"}]})", "name must be letters"},
      {R"({"keys": [{"name": "a", "sha256": "00"}]})", "64 digits"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef", "model": ["x"]}]})", "no field model"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef", "requests_per_minute": 0}]})", "requests_per_minute"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef", "models": [1]}]})", "models"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef"}, {"name": "b", "key": "0123456789abcdef"}]})", "keys[1] a has the same key"},
      {R"({"keys": [{"name": "a", "key": "0123456789abcdef"}, {"name": "a", "key": "1123456789abcdef"}]})", "there is a a already"},
  };
  for (const auto& row : rows) EXPECT_THAT(trouble_of(row.text), HasSubstr(row.words)) << row.text;
  EXPECT_THAT(trouble_of(std::string(api::kKeyFileBytes + 1, ' ')), HasSubstr("bytes"));
  EXPECT_THROW(api::read_key_file("/nowhere/keys.json"), Error);
}

}  // namespace
}  // namespace fulmar::test
