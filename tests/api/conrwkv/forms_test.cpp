// What conRWKV's clients send is answered as they expect it, and OpenAI's clients notice nothing of that.
#include "api/service.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

const json::object common = {{"model", "rwkv"},        {"temperature", 0.0},   {"best_of", 1},
                             {"max_tokens", 4},        {"ignore_eos", true},   {"include_stop_str_in_output", false},
                             {"stream", false},        {"frequency_penalty", 0.0}};
const json::object text = with(common, {{"prompt", "Hello"}});
const json::object chat = with(common, {{"add_generation_prompt", true},
                                        {"messages", {{{"role", "user"}, {"content", "Hello"}}}}});
const char* const completions = "/v1/completions";
const char* const chats = "/v1/chat/completions";

json::object choice(const json::object& answer) {
  return answer.at("choices").at(0).as_object();
}

TEST(ConRwkv, TheBodySaysWhatIsMeantOnBothPaths) {
  const Service service;
  const json::object plain = service.ask(completions, text), chatted = service.ask(chats, chat);
  for (const char* prefix : {"/v1", ""}) {
    const json::object prompt = service.ask(fmt::format("{}/chat/completions", prefix), text);
    EXPECT_EQ(prompt.at("object"), "text_completion");
    EXPECT_EQ(choice(prompt).at("text"), choice(plain).at("text"));
    const json::object messages = service.ask(fmt::format("{}/completions", prefix), chat);
    EXPECT_EQ(messages.at("object"), "chat.completion");
    EXPECT_EQ(choice(messages).at("message"), choice(chatted).at("message"));
  }
}

TEST(ConRwkv, StreamsOnTheOtherPathToo) {
  const Service service;
  const Answer answer = service.post(chats, with(text, {{"stream", true}}));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("object":"text_completion")"));
  EXPECT_THAT(answer.body, HasSubstr("data: [DONE]\n\n"));
}

TEST(ConRwkv, MakesAsManyTokensAsItsClientsExpect) {
  const Service service;
  const auto tokens = [&](const char* path, json::object body) {
    body.erase("max_tokens");
    return service.ask(path, body).at("usage").at("completion_tokens").to_number<int>();
  };
  EXPECT_EQ(tokens(completions, text), 16) << "OpenAI's";
  EXPECT_EQ(tokens(chats, text), 1024);
  EXPECT_EQ(tokens(chats, with(text, {{"max_completion_tokens", 3}, {"max_tokens", 9}})), 3);
}

TEST(ConRwkv, TheServerCanSayHowManyThatAre) {
  Service service;
  service.context.max_tokens = 7;
  json::object body = text;
  body.erase("max_tokens");
  for (const char* path : {completions, chats})
    EXPECT_EQ(service.ask(path, body).at("usage").at("completion_tokens").to_number<int>(), 7) << path;
}

TEST(ConRwkv, AWrongBodyIs422AndFastApisList) {
  const Service service;
  const auto detail = [&](const char* path, const json::object& body) {
    const Answer answer = service.post(path, body);
    EXPECT_EQ(answer.status, 422) << answer.body;
    return json::parse(answer.body).at("detail").at(0).as_object();
  };
  const json::object both = with(text, {{"messages", chat.at("messages")}});
  for (const char* path : {completions, chats}) {
    const json::object entry = detail(path, both);
    EXPECT_EQ(entry.at("loc"), json::parse(R"(["body"])"));
    EXPECT_EQ(entry.at("type"), "value_error");
    EXPECT_THAT(std::string(entry.at("msg").as_string()), HasSubstr("both"));
  }
  EXPECT_EQ(detail(chats, with(text, {{"temperature", 9}})).at("loc"), json::parse(R"(["body","temperature"])"));
  EXPECT_EQ(detail(chats, with(text, {{"best_of", -1}})).at("loc"), json::parse(R"(["body","best_of"])"));
}

TEST(ConRwkv, LeavesOpenAisErrorsAsTheyAre) {
  const Service service;
  for (const char* path : {completions, chats}) {
    const Answer answer = service.post(path, common);
    EXPECT_EQ(answer.status, 400) << "neither: the body does not say whose it is";
    EXPECT_THAT(answer.body, HasSubstr("invalid_request_error"));
  }
  EXPECT_EQ(service.post(completions, with(text, {{"messages", json::array()}})).status, 200) << "an empty list is nothing";
  EXPECT_EQ(service.post(chats, with(chat, {{"prompt", ""}})).status, 200);
}

TEST(ConRwkv, NeedsThePasswordToo) {
  const Service service({}, {}, "secret");
  for (const char* path : {completions, chats})
    for (const json::object& body : {text, chat}) EXPECT_EQ(service.post(path, body).status, 401);
}

}  // namespace
}  // namespace fulmar::test
