// Chats and completions as RWKV-Runner's clients ask for them: which bodies are theirs, and what they are drawn with.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::Contains;
using testing::IsEmpty;

constexpr const char* kChat = "/v1/chat/completions";

Request asked(const Harness& harness, std::string_view path, const std::string& body) {
  const Answer answer = harness.client().post(path, body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return harness.engine.last_request();
}

std::string chat_with(const std::string& more) {
  return fmt::format(R"({{"messages": [{{"role": "user", "content": "say yes"}}]{}}})", more);
}

TEST(RunnerForm, ABodyWithAFieldOfItsOwnHasItsDefaultsAndStops) {
  Harness harness;
  const Request plain = asked(harness, kChat, chat_with(""));
  EXPECT_EQ(plain.sampling.rule, PenaltyRule::openai);
  EXPECT_THAT(plain.stop, IsEmpty());
  for (const char* more : {R"(, "state": "")", R"(, "presence_penalty": 0, "state": "")"}) {
    const Request own = asked(harness, kChat, chat_with(more));
    EXPECT_EQ(own.sampling.rule, PenaltyRule::runner);
    EXPECT_EQ(own.sampling.top_p, 0.3f);
    EXPECT_EQ(own.sampling.frequency_penalty, 1.0f);
    EXPECT_EQ(own.sampling.penalty_decay, 0.996f);
    EXPECT_EQ(own.max_tokens, 500u);
    EXPECT_EQ(own.stop.size(), 13u);
    EXPECT_THAT(own.stop, Contains("\n\nObservation"));
  }
  asked(harness, kChat, R"({"messages": [{"role": "user", "content": "say yes", "raw": false}], "user_name": "Bob"})");
  EXPECT_EQ(harness.engine.last_input().chat.user_name, "Bob");
  EXPECT_EQ(harness.engine.last_request().sampling.rule, PenaltyRule::runner);
}

TEST(RunnerForm, OnceAClientOfItsOwnHasSpokenWhatCouldBeAnybodysIsRead) {
  Harness harness;
  EXPECT_EQ(harness.client().post("/update-config", R"({"temperature": 0.05, "top_k": 7, "max_tokens": 9})").body, "\"success\"");
  const Request chat = asked(harness, "/chat/completions", chat_with(R"(, "stop": ["x"])"));
  EXPECT_EQ(chat.sampling.temperature, 0.1f) << "as cold as it gets";
  EXPECT_EQ(chat.sampling.top_k, 7);
  EXPECT_EQ(chat.max_tokens, 9u);
  EXPECT_THAT(chat.stop, testing::SizeIs(3)) << "the client's and the speakers' names";
  const Request greedy = asked(harness, kChat, chat_with(R"(, "temperature": 0, "max_tokens": 3, "stop": [])"));
  EXPECT_EQ(greedy.sampling.temperature, 0.0f);
  EXPECT_EQ(greedy.max_tokens, 3u);
  EXPECT_THAT(greedy.stop, testing::SizeIs(2));
  const Request text = asked(harness, "/completions", R"({"prompt": ["say a b", "say c"]})");
  EXPECT_EQ(text.sampling.top_k, 7);
  EXPECT_THAT(text.stop, IsEmpty());
  for (const char* empty : {R"({"prompt": ""})", R"({"prompt": null})", "{}"}) {
    asked(harness, "/v1/completions", empty);
    EXPECT_EQ(harness.engine.last_input().text, "\n");
  }
}

TEST(RunnerForm, TheAssistantsLastMessageGoesOnWhereItIsAPrefix) {
  Harness harness;
  const std::string head = R"({"state": "", "messages": [{"role": "user", "content": "say yes"}, {"role": "assistant"},)";
  asked(harness, kChat, head + R"({"role": "assistant", "content": "Well", "prefix": true}]})");
  EXPECT_EQ(harness.engine.last_input().messages.size(), 2u) << "one without content is left out";
  EXPECT_EQ(harness.engine.last_input().chat.continue_final_message, true);
  EXPECT_EQ(harness.engine.last_input().chat.think, Think::off);
  asked(harness, kChat, head + R"({"role": "assistant", "content": "Well"}]})");
  EXPECT_EQ(harness.engine.last_input().chat.continue_final_message, false);
}

TEST(RunnerForm, ValuesOutOfTheirRangeAreToldAsFastApiDoes) {
  Harness harness;
  harness.context.standing.begin();
  for (const auto& [field, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"max_tokens", "0"}, {"max_tokens", "102401"}, {"temperature", "3.1"}, {"top_p", "1.5"}, {"presence_penalty", "-3"},
           {"frequency_penalty", "2.5"}, {"penalty_decay", "0.98"}, {"penalty_decay", "0.9999"}, {"top_k", "101"},
           {"top_k", "\"1\""}, {"state", "1"}}) {
    SCOPED_TRACE(field);
    const std::string more = fmt::format(", \"{}\": {}", field, value);
    for (const auto& [path, body] : {std::pair{std::string(kChat), chat_with(more)},
                                     std::pair{std::string("/completions"), fmt::format(R"({{"prompt": "a"{}}})", more)},
                                     std::pair{std::string("/update-config"), fmt::format("{{{}}}", more.substr(2))}}) {
      const Answer answer = harness.client().post(path, body);
      EXPECT_EQ(answer.status, 422) << answer.body;
      const json::value detail = json::parse(answer.body).at("detail").at(0);
      EXPECT_EQ(detail.at("loc"), (json::array{"body", field}));
      EXPECT_TRUE(detail.at("msg").is_string() && detail.at("type").is_string());
    }
  }
  const Answer role = harness.client().post(kChat, R"({"messages": [{"role": "king", "content": "x"}]})");
  EXPECT_EQ(role.status, 422);
  EXPECT_EQ(json::parse(role.body).at("detail").at(0).at("loc"), (json::array{"body", "messages", 0, "role"}));
  const Answer tool = harness.client().post(kChat, chat_with(R"(, "tools": [{"type": "function"}])"));
  EXPECT_EQ(tool.status, 422);
  EXPECT_EQ(json::parse(tool.body).at("detail").at(0).at("loc"), (json::array{"body", "tools", 0, "function"}));
}

TEST(RunnerForm, WhatIsMissingIsToldInItsWords) {
  Harness harness;
  harness.context.standing.begin();
  const auto complaint = [&](std::string_view path, const std::string& body) {
    const Answer answer = harness.client().post(path, body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return std::string(json::parse(answer.body).at("detail").as_string());
  };
  EXPECT_EQ(complaint(kChat, "{}"), "messages not found");
  EXPECT_EQ(complaint(kChat, R"({"messages": []})"), "messages not found");
  EXPECT_THAT(complaint(kChat, chat_with(R"(, "state": "mine")")), testing::StartsWith("state file not found: "));
  EXPECT_THAT(complaint("/update-config", R"({"state": "mine"})"), testing::StartsWith("state file not found: "));
  EXPECT_THAT(complaint(kChat, R"({"messages": [{"role": "user", "content": "x", "raw": true}]})"), testing::HasSubstr("raw"));
  EXPECT_THAT(complaint("/update-config", R"({"global_penalty": true})"), testing::HasSubstr("global_penalty"));
  harness.serve_nothing();
  EXPECT_EQ(complaint(kChat, chat_with("")), "model not loaded");
  EXPECT_EQ(complaint("/completions", R"({"prompt": "a"})"), "model not loaded");
}

}  // namespace
}  // namespace fulmar::test
