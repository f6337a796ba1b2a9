// What ai00's clients send, and what they read.
#include <gmock/gmock.h>

#include "server/harness.h"

namespace fulmar::test {
namespace {

json::value said(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body);
}

TEST(Ai00, ACompletionIsWordedAsTheirs) {
  Harness harness;
  const json::value whole = said(harness.client().post(
      "/api/oai/completions", R"({"prompt": ["say one", " two. three"], "max_tokens": 9, "stop": ["."]})"));
  EXPECT_EQ(whole.at("object"), "text_completion");
  EXPECT_EQ(whole.at("model"), "fake-rwkv");
  EXPECT_EQ(whole.at("choices"), json::parse(R"([{"text": "one two", "index": 0, "finish_reason": "stop"}])"));
  EXPECT_EQ(whole.at("usage").at("prompt"), 18);
  EXPECT_EQ(whole.at("usage").at("completion"), 2);
  EXPECT_EQ(whole.at("usage").at("total"), 20);
  EXPECT_EQ(whole.at("usage").at("duration"), json::parse(R"({"secs": 0, "nanos": 8000000})"));
}

TEST(Ai00, AStreamHasTheirEvents) {
  Harness harness;
  const Answer answer = harness.client().post(
      "/api/oai/v1/chat/completions",
      R"({"messages": [{"role": "user", "content": "x"}], "template": {"record": "say", "prefix": "  one", "sep": ""}, "stream": true})");
  const std::string head = R"(data: {"object":"chat.completion.chunk","model":"fake-rwkv","choices":[{"delta":{)";
  const std::string tail = R"(,"finish_reason":null}]})";
  EXPECT_EQ(answer.body, head + R"("role":"Assistant"},"index":0)" + tail + "\n\n" + head + R"("content":"one"},"index":0)" + tail + "\n\n" +
                             head + R"(},"index":0,"finish_reason":"stop"}]})" + "\n\ndata: [DONE]\n\n");
}

TEST(Ai00, AConversationIsPutTogetherAsTheRequestSays) {
  Harness harness;
  said(harness.client().post("/api/oai/chat/completions", R"({"messages": [{"role": "System", "content": "Be\n \n\nbrief. "},
      {"role": "user", "content": " Hi\n"}, {"role": "tool", "content": "4"}], "names": {"user": "Bob", "assistant": "Alice"}, "max_tokens": 1})"));
  EXPECT_EQ(harness.engine.last_input().text, "System: Be\nbrief.\n\nBob: Hi\n\nObservation: 4\n\nAlice:");
  EXPECT_EQ(harness.engine.last_request().stop, std::vector<std::string>{"\n\n"});
  said(harness.client().post("/api/oai/chat/completions", R"({"messages": [{"role": "user", "content": "{role}"}], "stop": [],
      "template": {"record": "<{content}|{role}>", "prefix": "[{user}/{assistant}]", "sep": ""}, "max_tokens": 1})"));
  EXPECT_EQ(harness.engine.last_input().text, "<{role}|User>[User/Assistant]");
  EXPECT_TRUE(harness.engine.last_request().stop.empty());
}

TEST(Ai00, SamplersAreTheirs) {
  Harness harness;
  const auto drawn = [&](const std::string& more) {
    said(harness.client().post("/api/oai/completions", R"({"prompt": "x", "max_tokens": 1)" + more + "}"));
    return harness.engine.last_request().sampling;
  };
  Sampling sampling = drawn("");
  EXPECT_EQ(sampling.rule, PenaltyRule::ai00);
  EXPECT_EQ(sampling.top_p, 0.5f);
  EXPECT_EQ(sampling.top_k, 128);
  EXPECT_EQ(sampling.presence_penalty, 0.3f);
  EXPECT_EQ(drawn(R"(, "top_p": 0.2, "temperature": 3)").top_p, 0.2f);
  sampling = drawn(R"(, "top_p": 0.2, "sampler_override": {"type": "Nucleus", "top_k": 5, "presence_penalty": 0, "penalty": 400}, "bias": {"7": -3})");
  EXPECT_EQ(sampling.top_p, 0.5f) << "the sampler's own";
  EXPECT_EQ(sampling.top_k, 5);
  EXPECT_EQ(sampling.presence_penalty, 0.0f);
  EXPECT_EQ(sampling.logit_bias, (std::vector<std::pair<Token, float>>{{7, -3.0f}}));
}

TEST(Ai00, WhatItCannotDoIsNamed) {
  Harness harness;
  const auto refused = [&](const std::string& path, const std::string& body) {
    const Answer answer = harness.client().post(path, body);
    const json::value error = json::parse(answer.body).at("error");
    EXPECT_EQ(error.at("code"), answer.status);
    EXPECT_EQ(error.at("name"), answer.status == 400 ? "Bad Request" : "Not Found");
    return std::string(error.at("brief").as_string());
  };
  const std::string completions = "/api/oai/completions", chats = "/api/oai/chat/completions";
  using testing::HasSubstr;
  EXPECT_THAT(refused(completions, R"({"prompt": "x", "sampler": {"type": "Mirostat"}})"), HasSubstr("sampler.type may be Nucleus"));
  EXPECT_THAT(refused(completions, R"({"prompt": "x", "bnf_schema": "start ::= 'a';"})"), HasSubstr("bnf_schema is not supported"));
  EXPECT_THAT(refused(completions, R"({"prompt": "x", "state": {"data": [1]}})"), HasSubstr("data is not supported"));
  EXPECT_THAT(refused(completions, "{}"), HasSubstr("prompt is missing"));
  EXPECT_THAT(refused(chats, R"({"messages": [{"role": "king", "content": "x"}]})"), HasSubstr("messages[0].role must be"));
  EXPECT_THAT(refused(chats, R"({"messages": [{"role": "user", "content": "x"}], "template": {"record": "{content}{content}"}})"),
              HasSubstr("may have {content} once"));
}

}  // namespace
}  // namespace fulmar::test
