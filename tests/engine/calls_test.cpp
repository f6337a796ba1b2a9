// Calls of tools come apart from the text that the model wrote around them, and end an answer where no more may come.
#include <gtest/gtest.h>

#include "engine/fake_model.h"
#include "text/chat_template.h"

namespace fulmar {
namespace {

const std::string weather = R"({"name": "weather", "arguments": {"city": "Oslo"}})", clock_call = R"({"name": "clock", "arguments": {}})";

Question with_tools(uint32_t max_tokens = 1000) {
  Question question = ask("", max_tokens);
  question.input.messages = {{"user", "hi"}};
  question.input.chat.name = "function_calling";
  question.input.chat.tools = {{"weather", "", ""}, {"clock", "", ""}};
  question.sampling.temperature = 0;
  return question;
}

struct Heard {
  std::string text, calls;
  Finish finish;
  uint32_t tokens;
  size_t pieces;  // of calls
};

// The model says this after the prompt, a letter a token, then token 0.
Heard hear(std::string_view said, Question question) {
  FakeOptions options;
  options.vocab = 128;
  options.script.assign(apply_chat_template(question.input.messages, question.input.chat).text.size(), '.');
  options.script.insert(options.script.end(), said.begin(), said.end());
  options.script.push_back(0);
  const auto engine = make_fake_engine(options);
  const auto listener = std::make_shared<Listener>();
  std::string calls;
  uint32_t begun = 0;
  size_t pieces = 0;
  listener->also = [&](Listener&, const Event& event) {
    for (const CallPiece& piece : event.calls) {
      ++pieces;
      if (!piece.name.empty() && begun++ > 0) calls += ')';
      EXPECT_EQ(piece.call + 1, begun);
      if (!piece.name.empty()) calls.append(piece.name).append("(");
      calls += piece.arguments;
    }
  };
  submit(*engine, std::move(question), listener);
  const Finish finish = listener->wait();
  EXPECT_EQ(listener->error(), "");
  if (begun > 0) calls += ')';
  return {listener->text(), calls, finish, listener->events().back().completion_tokens, pieces};
}

// Where calls are bound and so cannot go wrong, nobody waits for the whole of one.
TEST(Calls, ThoseThatAreBoundComeAsTheyAreMade) {
  Question question = with_tools();
  question.input.chat.think = Think::off;
  question.input.chat.must_call = true;
  const std::string first = "**Tool Call:**\n```json\n" + weather + "\n```", said = first + "\n**Tool Call:**\n```json\n" + clock_call + "\n```";
  const Heard heard = hear(said, question);
  EXPECT_EQ(heard.text, "");
  EXPECT_EQ(heard.calls, R"(weather({"city":"Oslo"})clock({}))");
  EXPECT_EQ(heard.finish, Finish::called);
  EXPECT_EQ(heard.pieces, std::string_view(R"({"city":"Oslo"}{})").size());  // one for each letter of the arguments
  question.max_tokens = static_cast<uint32_t>(first.find("slo"));
  const Heard cut = hear(said, question);
  EXPECT_EQ(cut.text, "");
  EXPECT_EQ(cut.calls, R"(weather({"city":"O))");
  EXPECT_EQ(cut.finish, Finish::length);
  question.max_tokens = 1000;
  question.input.chat.parallel_calls = false;
  EXPECT_EQ(hear(said, question).calls, R"(weather({"city":"Oslo"}))");
}

TEST(Calls, ComeApartFromTheText) {
  Question question = with_tools();
  question.input.chat.think = Think::off;
  const std::string said = "I look.\n\n**Tool Call:**\n```json\n" + weather + "\n```\n**Tool Call:**\n```json\n" + clock_call + "\n```";
  const Heard heard = hear(said, question);
  EXPECT_EQ(heard.text, "I look.");
  EXPECT_EQ(heard.calls, R"(weather({"city":"Oslo"})clock({}))");
  EXPECT_EQ(heard.finish, Finish::called);
  EXPECT_EQ(heard.tokens, said.size() + 1);
  const Heard plain = hear("No calls.", question);
  EXPECT_EQ(plain.text, "No calls.");
  EXPECT_EQ(plain.finish, Finish::stop);
}

TEST(Calls, AnAnswerEndsBehindTheOneThatItMayHave) {
  Question question = with_tools();
  question.input.chat.think = Think::off;
  question.input.chat.parallel_calls = false;
  const std::string said = "<tool_call>" + weather + "</tool_call><tool_call>" + clock_call + "</tool_call>";
  const Heard heard = hear(said, question);
  EXPECT_EQ(heard.calls, R"(weather({"city":"Oslo"}))");
  EXPECT_EQ(heard.finish, Finish::called);
  EXPECT_EQ(heard.tokens, std::string("<tool_call>").size() + weather.size());
}

TEST(Calls, TheNextTurnEndsThem) {
  Question question = with_tools();
  question.input.chat.think = Think::off;
  const Heard heard = hear("**Tool Call:**\n```json\n" + weather + "\n```\n### Tool Output\n```json\n{}\n```", question);
  EXPECT_EQ(heard.text, "");
  EXPECT_EQ(heard.calls, R"(weather({"city":"Oslo"}))");
  EXPECT_EQ(heard.finish, Finish::called);
}

TEST(Calls, ACallThatIsCutIsText) {
  Question question = with_tools(40);
  question.input.chat.think = Think::off;
  const std::string said = "**Tool Call:**\n```json\n" + weather;
  const Heard heard = hear(said, question);
  EXPECT_EQ(heard.text, said.substr(0, 40));
  EXPECT_EQ(heard.calls, "");
  EXPECT_EQ(heard.finish, Finish::length);
}

TEST(Calls, AreNoneInAThought) {
  const std::string call = "<tool_call>" + weather + "</tool_call>";
  for (const bool together : {false, true}) {
    Question question = with_tools();
    question.input.chat.thoughts_in_text = together;
    const Heard heard = hear(">" + call + "</think>\n" + call, question);
    EXPECT_EQ(heard.text, together ? "<think>" + call + "</think>" : "");
    EXPECT_EQ(heard.calls, R"(weather({"city":"Oslo"}))") << together;
    EXPECT_EQ(heard.finish, Finish::called);
  }
}

TEST(Calls, WithoutToolsAreText) {
  Question question = with_tools();
  question.input.chat.think = Think::off;
  question.input.chat.tools.clear();
  const std::string call = "<tool_call>" + weather + "</tool_call>";
  const Heard heard = hear(call, question);
  EXPECT_EQ(heard.text, call);
  EXPECT_EQ(heard.finish, Finish::stop);
}

}  // namespace
}  // namespace fulmar
