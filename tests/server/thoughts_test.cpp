// A thought and an answer reach the client apart, whatever the tokens are, and as it asked for them.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <random>

#include "answer/held.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

struct Heard {
  std::string thought, text;
  int64_t thought_tokens = -1;
  std::string finish;
};

std::string body_of(const std::string& more, bool stream) {
  return fmt::format(
      R"({{"messages":[{{"role":"user","content":"a"}}],"stream":{},"stream_options":{{"include_usage":true}}{}}})",
      stream, more);
}

int64_t thought_tokens(const json::value& answer) {
  return answer.at("usage").at("completion_tokens_details").at("reasoning_tokens").to_number<int64_t>();
}

Heard whole(Client& client, const std::string& more) {
  const Answer answer = client.post("/v1/chat/completions", body_of(more, false));
  EXPECT_EQ(answer.status, 200) << answer.body;
  const json::value parsed = json::parse(answer.body);
  const json::object& message = parsed.at("choices").at(0).at("message").as_object();
  const json::value* thought = message.if_contains("reasoning_content");
  return {thought ? std::string(thought->as_string()) : "", std::string(message.at("content").as_string()),
          thought_tokens(parsed), std::string(parsed.at("choices").at(0).at("finish_reason").as_string())};
}

Heard streamed(Client& client, const std::string& more) {
  const Answer answer = client.post("/v1/chat/completions", body_of(more, true));
  Heard heard;
  bool answers = false;
  for (const std::string& event : answer.events()) {
    if (event == "[DONE]") break;
    const json::value chunk = json::parse(event);
    if (chunk.at("choices").as_array().empty()) {
      heard.thought_tokens = thought_tokens(chunk);
      continue;
    }
    const json::value& choice = chunk.at("choices").at(0);
    const json::object& delta = choice.at("delta").as_object();
    if (const json::value* thought = delta.if_contains("reasoning_content")) {
      heard.thought += thought->as_string();
      EXPECT_FALSE(answers) << "a thought after the answer began";
    }
    if (const json::value* text = delta.if_contains("content")) {
      heard.text += text->as_string();
      answers |= !text->as_string().empty();
    }
    if (choice.at("finish_reason").is_string()) heard.finish = choice.at("finish_reason").as_string();
  }
  return heard;
}

std::vector<std::string> cut(const std::string& text, std::mt19937& random) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t length = 1 + random() % 5;
    pieces.push_back(text.substr(at, length));
    at += length;
  }
  return pieces;
}

TEST(Thoughts, ComeApartHoweverTheTokensCutThem) {
  std::mt19937 random(3);
  const std::string said = ">\nTwo < three.\n</think>\n\nYes \"so\".";
  for (int round = 0; round < 12; ++round) {
    FakeOptions options;
    options.script = cut(said, random);
    if (round == 0) options.script = {said};
    if (round == 1)
      for (options.script.clear(); options.script.size() < said.size();)
        options.script.push_back(said.substr(options.script.size(), 1));
    Harness harness(options);
    Client client = harness.client();
    for (const bool stream : {false, true}) {
      const auto ask = [&](const char* more) { return stream ? streamed(client, more) : whole(client, more); };
      const Heard apart = ask(R"(,"enable_think":true)");
      EXPECT_EQ(apart.thought, "Two < three.");
      EXPECT_EQ(apart.text, "Yes \"so\".");
      EXPECT_EQ(apart.finish, "stop");
      EXPECT_GE(apart.thought_tokens, 1);
      EXPECT_LE(apart.thought_tokens, static_cast<int64_t>(options.script.size()));
      const Heard together = ask(R"(,"enable_think":true,"reasoning_format":"none")");
      EXPECT_EQ(together.thought, "");
      EXPECT_EQ(together.text, "<think" + said);
    }
  }
}

TEST(Thoughts, WithoutOneThereIsNoField) {
  FakeOptions options;
  options.script = {" Hello", " you"};
  Harness harness(options);
  Client client = harness.client();
  const Answer answer = client.post("/v1/chat/completions", body_of("", false));
  EXPECT_EQ(answer.body.find("reasoning_content"), std::string::npos);
  const Heard heard = whole(client, "");
  EXPECT_EQ(heard.text, "Hello you");
  EXPECT_EQ(heard.thought_tokens, 0);
  EXPECT_EQ(streamed(client, "").text, "Hello you");
}

TEST(Thoughts, ALongThoughtWaitsInPartsLikeAnyText) {
  FakeOptions options;
  const std::string thought = std::string(200'000, 'a').append("\xc3\xbc");
  options.script = {">", thought, "</think>", std::string(150'000, 'b')};
  Harness harness(options);
  Client client = harness.client();
  for (const Heard& heard : {whole(client, R"(,"enable_think":true)"), streamed(client, R"(,"enable_think":true)")}) {
    EXPECT_EQ(heard.thought, thought);
    EXPECT_EQ(heard.text, std::string(150'000, 'b'));
    EXPECT_EQ(heard.thought_tokens, 3);
  }
}

TEST(Thoughts, EveryWayToAskForThemReachesTheTemplate) {
  Harness harness;
  Client client = harness.client();
  const struct {
    const char* field;
    Think think;
    ThinkWord word;
  } rows[] = {
      {R"("reasoning_effort":"none")", Think::fake, ThinkWord::none},
      {R"("reasoning_effort":"minimal")", Think::fake, ThinkWord::none},
      {R"("reasoning_effort":"low")", Think::open, ThinkWord::a_bit},
      {R"("reasoning_effort":"medium")", Think::open, ThinkWord::think},
      {R"("reasoning_effort":"high")", Think::open, ThinkWord::a_lot},
      {R"("reasoning_effort":"xhigh")", Think::open, ThinkWord::none},
      {R"("think_type":"fast")", Think::fake, ThinkWord::none},
      {R"("think_type":"free")", Think::open, ThinkWord::none},
      {R"("think_type":"preferChinese")", Think::chinese, ThinkWord::none},
      {R"("think_type":"en")", Think::open, ThinkWord::think},
      {R"("think_type":"enShort")", Think::open, ThinkWord::a_bit},
      {R"("think_type":"en_long")", Think::open, ThinkWord::a_lot},
      {R"("think_type":"fast","enable_think":true,"reasoning_effort":"high")", Think::fake, ThinkWord::none},
      {R"("enable_think":true,"reasoning_effort":"low")", Think::open, ThinkWord::a_bit},
      {R"("enable_think":false,"reasoning_effort":"low")", Think::fake, ThinkWord::none},
      {R"("chat_template_kwargs":{"rwkv_generation_prompt":"open_think"})", Think::open, ThinkWord::none},
      {R"("chat_template_kwargs":{"rwkv_generation_prompt":"fake_think"})", Think::fake, ThinkWord::none},
      {R"("chat_template_kwargs":{"rwkv_generation_prompt":"no_think"})", Think::off, ThinkWord::none},
      {R"("temperature":1)", Think::standard, ThinkWord::none},
  };
  for (const auto& [field, think, word] : rows) {
    client.post("/v1/chat/completions",
                fmt::format(R"({{"messages":[{{"role":"user","content":"a"}}],"max_tokens":1,{}}})", field));
    const TemplateOptions chat = harness.engine.last_input().chat;
    EXPECT_EQ(chat.think, think) << field;
    EXPECT_EQ(chat.word, word) << field;
    EXPECT_EQ(chat.word_if_trained, std::string_view(field).find("think_type") == std::string_view::npos) << field;
  }
}

TEST(Thoughts, TheBudgetAndTheTemplateReachTheEngine) {
  Harness harness;
  Client client = harness.client();
  const auto chat_of = [&](const char* field) {
    const Answer answer = client.post(
        "/v1/chat/completions",
        fmt::format(R"({{"messages":[{{"role":"user","content":"a"}}],"max_tokens":1,{}}})", field));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return harness.engine.last_input().chat;
  };
  EXPECT_EQ(chat_of(R"("thinking_budget":16)").thinking_budget, 16u);
  EXPECT_EQ(chat_of(R"("thinking_budget":0)").thinking_budget, 0u);
  EXPECT_EQ(chat_of(R"("thinking_budget":-1)").thinking_budget, 1'000'000u);
  EXPECT_EQ(chat_of(R"("thinking_budget":null)").thinking_budget, std::nullopt);
  EXPECT_EQ(chat_of(R"("chat_template_kwargs":{"rwkv_prompt_template":"bot"})").name, "bot");
}

TEST(Thoughts, ATemplateCanBeLookedAt) {
  Harness harness;
  Client client = harness.client();
  const std::string body = R"({"messages":[{"role":"user","content":"hi"}]})";
  for (const char* method : {"GET", "POST"}) {
    client.send(method, "/apply-template", body);
    const Answer answer = client.receive();
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json::value shown = json::parse(answer.body);
    EXPECT_EQ(shown.at("prompt"), "user: hi\n");
    EXPECT_EQ(shown.at("tokens").as_array().size(), 9u);
    EXPECT_EQ(shown.at("tokens").at(0), 'u');
    EXPECT_EQ(shown.at("chat_template"), "world");
    EXPECT_EQ(shown.at("stop").as_array().size(), 3u);
  }
  EXPECT_EQ(client.get("/apply-template").status, 200);
  EXPECT_EQ(client.post("/apply-template", "{}").status, 400);
  EXPECT_EQ(client.post("/apply-template", R"({"messages":[{"role":"user","content":"hi"}],"tools":[{}]})").status, 400);
}

// What is shown of a long conversation is memory that a client could take and never give back.
TEST(Thoughts, AShownTemplateCountsInWhatAllAnswersMayHold) {
  Harness harness;
  const auto body = [](size_t bytes) {
    return fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})", std::string(bytes, 'a'));
  };
  Client client = harness.client();
  client.send("POST", "/apply-template", body(4'000'000));
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text > 16'000'000; }));
  const Answer answer = client.receive();
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body).at("tokens").as_array().size(), 4'000'007u);
  EXPECT_TRUE(eventually([&] { return harness.context.waiting_text == 0; }));
  harness.context.waiting_text = api::kAllUnread + 1;
  Client next = harness.client();
  EXPECT_EQ(next.post("/apply-template", body(100)).status, 200);
  EXPECT_EQ(next.post("/apply-template", body(100'000)).status, 503);
}

}  // namespace
}  // namespace fulmar::test
