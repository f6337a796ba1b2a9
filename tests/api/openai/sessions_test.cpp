// session_id in OpenAI's endpoints: only what is new is read; and what prefixes of prompts save.
#include "api/service.h"
#include "text/chat_template.h"

namespace fulmar::test {
namespace {

json::object completion(const std::string& prompt, int tokens = 6) {
  return {{"prompt", prompt}, {"max_tokens", tokens}, {"seed", 5}};
}
std::string text_of(const json::object& answer) {
  return std::string(answer.at("choices").at(0).at("text").as_string());
}
std::string whole(const std::string& prompt, int tokens = 6) {
  return text_of(Service().ask("/v1/completions", completion(prompt, tokens)));
}

TEST(Sessions, ACompletionGoesOnFromOneAndReadsOnlyWhatIsNew) {
  const Service service;
  std::string text;
  for (int turn = 0; turn < 6; ++turn) {
    const std::string prompt = fmt::format("and {},", turn);
    text += prompt;
    const json::object answer = service.ask("/v1/completions", with(completion(prompt), {{"session_id", "s"}}));
    EXPECT_EQ(text_of(answer), whole(text)) << turn;
    EXPECT_EQ(answer.at("usage").at("prompt_tokens"), prompt.size());
    text += text_of(answer);
  }
  EXPECT_EQ(service.text_of_session("s"), text);
  const json::object more = service.ask("/v1/completions", with(completion("", 3), {{"session_id", "s"}}));
  EXPECT_EQ(more.at("usage").at("prompt_tokens"), 0);
  EXPECT_EQ(text_of(more), whole(text, 3));
}

json::object message(std::string_view role, const std::string& content) {
  return {{"role", json::string_view(role.data(), role.size())}, {"content", content}};
}

TEST(Sessions, AHistoryThatNothingFollowsBeginsOneAndNoMore) {
  const Service service;
  const json::object body = {{"messages", json::array{message("user", "Hi"), message("assistant", "Hello.")}},
                             {"continue_final_message", false},
                             {"max_tokens", 5},
                             {"seed", 3}};
  const auto said = [](const json::object& answer) {
    return std::string(answer.at("choices").at(0).at("message").at("content").as_string());
  };
  const std::string alone = said(service.ask("/v1/chat/completions", body));
  EXPECT_EQ(said(service.ask("/v1/chat/completions", with(body, {{"session_id", "s"}}))), alone);
  const std::string read = service.text_of_session("s");
  EXPECT_NE(read.find("Hello."), std::string::npos);
  const Answer answer = service.post("/v1/chat/completions", with(body, {{"session_id", "s"}}));
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(service.text_of_session("s"), read);
}

// The model says what the conversation has, and the session must have read the conversation's text.
void hold_a_chat(const std::string& chat_template) {
  const std::vector<std::string> questions = {"Hi", "How  are\n\nyou?\n", "User: what?", "", "Bye."},
                                 answers = {"Hello.", "Well\nenough.", "Yes", "Hm?", "So long!"};
  std::vector<ChatMessage> all = {{"system", "Be brief."}};
  for (size_t i = 0; i < questions.size(); ++i) {
    all.push_back({"user", questions[i]});
    all.push_back({"assistant", answers[i]});
  }
  all.push_back({"user", ""});
  TemplateOptions options;
  options.name = chat_template;
  const ChatPrompt prompt = apply_chat_template(all, options);
  const std::string& text = prompt.text;
  FakeOptions model;
  for (const char c : text.substr(prompt.token_zero ? 0 : 1)) model.script.push_back(c);
  // The whole history each time, as a client of others sends it, or the new message alone.
  for (const bool sends_all : {true, false}) {
    const Service service(model);
    json::array messages = {message("system", "Be brief.")};
    for (size_t i = 0; i < questions.size(); ++i) {
      messages.push_back(message("user", questions[i]));
      const json::object answer = service.ask(
          "/v1/chat/completions", {{"messages", messages},
                                   {"session_id", "s"},
                                   {"temperature", 0},
                                   {"max_tokens", 50},
                                   {"chat_template_kwargs", {{"rwkv_prompt_template", chat_template}}}});
      EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), json::value(answers[i])) << i;
      EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop") << i;
      if (sends_all)
        messages.push_back(message("assistant", answers[i]));
      else
        messages.clear();
    }
    std::vector<Token> tokens = service.engine->sessions().transcript("s").tokens;
    EXPECT_EQ(std::ranges::count(tokens, 0), prompt.token_zero ? 1 : 0);
    std::erase(tokens, 0);
    const std::string read = service.engine->text_of(tokens);
    EXPECT_EQ(read, text.substr(0, read.size()));
    EXPECT_TRUE(read.ends_with("So long!")) << read;
  }
}

TEST(Sessions, AChatReadsOnlyWhatIsNew) {
  for (const char* chat_template : {"world", "assistant", "raven"}) {
    SCOPED_TRACE(chat_template);
    hold_a_chat(chat_template);
  }
}

TEST(Sessions, AnAnswerThatIsBegunIsNew) {
  const Service service;
  const json::array first = {message("user", "a")};
  service.ask("/v1/chat/completions", {{"messages", first}, {"session_id", "s"}, {"max_tokens", 1}, {"seed", 1}});
  const std::string before = service.text_of_session("s");
  const json::array second = {message("user", "a"), message("assistant", "x"), message("user", "b"), message("assistant", "It is")};
  service.ask("/v1/chat/completions", {{"messages", second}, {"session_id", "s"}, {"max_tokens", 1}, {"seed", 1}});
  const std::string read = service.text_of_session("s").substr(before.size());
  EXPECT_EQ(read.substr(0, read.size() - 1), "\n\nUser: b\n\nAssistant: It is");
}

TEST(Sessions, WhatCannotGoOnIsRefused) {
  const Service service;
  struct Case {
    const char* path;
    json::object body;
    const char* param;
  };
  const json::array talk = {message("user", "a"), message("assistant", "b")};
  const Case cases[] = {
      {"/v1/completions", with(completion("a"), {{"session_id", "s"}, {"n", 2}}), "n"},
      {"/v1/completions", with(completion("a"), {{"session_id", "s"}, {"prompt", json::array{"a", "b"}}}), "session_id"},
      {"/v1/completions", with(completion("a"), {{"session_id", std::string("\0", 1)}}), "session_id"},
      {"/v1/completions", with(completion("a"), {{"session_id", "../\n"}}), "session_id"},
      {"/v1/chat/completions", {{"messages", talk}, {"session_id", "there"}, {"continue_final_message", false}}, "messages"},
      {"/v1/chat/completions", {{"messages", json::array{message("user", "a")}}, {"session_id", "s"}, {"n", 3}}, "n"},
  };
  service.ask("/v1/completions", with(completion("a"), {{"session_id", "there"}}));
  for (const Case& one : cases) {
    const Answer answer = service.post(one.path, one.body);
    EXPECT_EQ(answer.status, 400) << json::serialize(one.body);
    EXPECT_EQ(json::parse(answer.body).at("error").at("param"), one.param) << answer.body;
  }
  EXPECT_EQ(service.engine->sessions().stats().sessions, 1u);
}

uint64_t cached(const json::value& usage) {
  return usage.at("prompt_tokens_details").at("cached_tokens").to_number<uint64_t>();
}

TEST(Prefixes, WhatWasReadBeforeIsCountedAndCanBeLeftAlone) {
  const Service service({}, {.prefix_cache = 1 << 20});
  const std::string prompt(400, 'p');
  EXPECT_EQ(cached(service.ask("/v1/completions", completion(prompt)).at("usage")), 0u);
  const json::object again = service.ask("/v1/completions", completion(prompt + "more"));
  EXPECT_EQ(cached(again.at("usage")), 399u);  // where a token is left to be fed if the same is asked again
  EXPECT_EQ(again.at("usage").at("prompt_tokens"), 404);
  for (const char* field : {"use_prefix_cache", "cache_prompt"}) {
    const json::object without = service.ask("/v1/completions", with(completion(prompt + "more"), {{field, false}}));
    EXPECT_EQ(cached(without.at("usage")), 0u) << field;
    EXPECT_EQ(text_of(without), text_of(again)) << field;
  }
  const Answer stream = service.post(
      "/v1/completions", with(completion(prompt + "more"), {{"stream", true}, {"stream_options", {{"include_usage", true}}}}));
  const std::vector<std::string> events = stream.events();
  ASSERT_GE(events.size(), 2u);
  EXPECT_GE(cached(json::parse(events[events.size() - 2]).at("usage")), 399u);
  // Choices of one prompt: it is counted once.
  const json::object choices = service.ask("/v1/completions", with(completion(prompt + "other"), {{"n", 4}}));
  EXPECT_EQ(choices.at("usage").at("prompt_tokens"), 405);
  EXPECT_LE(cached(choices.at("usage")), 405u);
}

}  // namespace
}  // namespace fulmar::test
