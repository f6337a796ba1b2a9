// For each template, kind of thinking and order of roles the prompt, letter for letter and token for token, as
// it is written down for the models: a prompt that is nearly right makes answers that are nearly right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/prompt.h"

namespace fulmar {
namespace {

using testing::ElementsAre;
using Messages = std::vector<ChatMessage>;

const Tokenizer& world() {
  static const std::shared_ptr<const Tokenizer> tokenizer =
      open_tokenizer(FULMAR_SOURCE_DIR "/models/rwkv-world.vocab");
  return *tokenizer;
}

struct Asked {
  const char* name;
  Think think = Think::standard;
  ThinkWord word = ThinkWord::none;
  Series series = Series::late_g1;
};

std::shared_ptr<const Prompt> prompt_of(const Asked& asked, const Messages& messages) {
  PromptInput input;
  input.messages = messages;
  input.chat.think = asked.think;
  input.chat.word = asked.word;
  input.keep_text = true;
  TemplateChoice model;
  model.name = asked.name;
  model.series = asked.series;
  return make_prompt(input, world(), 65536, 1000, model);
}

const Messages hi = {{"user", "Hi"}};
constexpr Series early = Series::early_g1, late = Series::late_g1, other = Series::other;

TEST(TemplateTable, HowAnAnswerBegins) {
  using enum Think;
  constexpr ThinkWord no = ThinkWord::none;
  struct Row {
    Asked asked;
    const char* text;
    std::vector<Token> tokens;
  };
  const std::vector<Row> rows = {
      {{"assistant"}, "User: Hi\n\nAssistant:", {0, 24281, 59, 3880, 261, 5585, 41693, 59}},
      {{"assistant", off}, "User: Hi\n\nAssistant:", {0, 24281, 59, 3880, 261, 5585, 41693, 59}},
      {{"assistant", open},
       "User: Hi\n\nAssistant: <think",
       {0, 24281, 59, 3880, 261, 5585, 41693, 59, 295, 35762}},
      {{"assistant", fake},
       "User: Hi\n\nAssistant: <think></think",
       {0, 24281, 59, 3880, 261, 5585, 41693, 59, 295, 35762, 5439, 35762}},
      {{"assistant", fake, no, early},
       "User: Hi\n\nAssistant: <think>\n</think",
       {0, 24281, 59, 3880, 261, 5585, 41693, 59, 295, 35762, 63, 11, 754, 35762}},
      {{"bot"}, "User✿Hi✿\nBot✿<think", {0, 24281, 10060, 1097, 10060, 11, 5645, 10060, 61, 35762}},
      {{"bot", open}, "User✿Hi✿\nBot✿<think", {0, 24281, 10060, 1097, 10060, 11, 5645, 10060, 61, 35762}},
      {{"bot", off}, "User✿Hi✿\nBot✿", {0, 24281, 10060, 1097, 10060, 11, 5645, 10060}},
      {{"bot", fake},
       "User✿Hi✿\nBot✿<think></think",
       {0, 24281, 10060, 1097, 10060, 11, 5645, 10060, 61, 35762, 5439, 35762}},
      {{"bot", chinese},
       "User✿Hi✿\nBot✿<think>嗯",
       {0, 24281, 10060, 1097, 10060, 11, 5645, 10060, 61, 35762, 63, 11315}},
      {{"function_calling"},
       "### User\nHi\n### Assistant\n<think",
       {0, 5201, 29956, 11, 1097, 11, 5201, 58683, 11, 61, 35762}},
      {{"function_calling", fake, no, other},
       "### User\nHi\n### Assistant\n<think></think",
       {0, 5201, 29956, 11, 1097, 11, 5201, 58683, 11, 61, 35762, 5439, 35762}},
      {{"world"}, "User: Hi\n\nAssistant:", {24281, 59, 3880, 261, 5585, 41693, 59}},
      {{"world", open}, "User: Hi\n\nAssistant: <think", {24281, 59, 3880, 261, 5585, 41693, 59, 295, 35762}},
      {{"world", fake},
       "User: Hi\n\nAssistant: <think>\n</think",
       {24281, 59, 3880, 261, 5585, 41693, 59, 295, 35762, 63, 11, 754, 35762}},
      {{"raven"}, "Bob: Hi\n\nAlice:", {5641, 59, 3880, 261, 32890, 59}},
      {{"pile"}, "Bob: Hi\n\nAlice:", {5641, 59, 3880, 261, 32890, 59}},
      {{"none"}, "Hi", {1097}},
  };
  for (const auto& [asked, text, tokens] : rows) {
    const auto prompt = prompt_of(asked, hi);
    EXPECT_EQ(prompt->text, text) << asked.name;
    EXPECT_EQ(prompt->tokens, tokens) << asked.name << ": " << text;
    EXPECT_EQ(prompt->chat_template, asked.name);
  }
}

TEST(TemplateTable, WordsOfLengthEndTheLastUsersText) {
  const Messages two = {{"user", "a"}, {"assistant", "b"}, {"user", " c\n"}};
  const auto text = [&](const char* name, ThinkWord word, const Messages& messages) {
    return prompt_of({name, Think::open, word}, messages)->text;
  };
  EXPECT_EQ(text("assistant", ThinkWord::think, two),
            "User: a\n\nAssistant: b\n\nUser: c (think)\n\nAssistant: <think");
  EXPECT_EQ(text("bot", ThinkWord::a_bit, two), "User✿a✿\nBot✿b✿\nUser✿c (think a bit)✿\nBot✿<think");
  EXPECT_EQ(text("function_calling", ThinkWord::a_lot, two),
            "### User\na\n### Assistant\nb\n### User\nc (think a lot)\n### Assistant\n<think");
  EXPECT_EQ(text("raven", ThinkWord::a_lot, two), "Bob: a\n\nAlice: b\n\nBob: c (think a lot)\n\nAlice: <think");
  EXPECT_EQ(text("bot", ThinkWord::a_bit, {{"user", "a"}, {"tool", "1"}}),
            "### User\na (think a bit)\n### Tool Output\n```json\n1\n```\n### Assistant\n<think");
}

TEST(TemplateTable, RolesStandInTheOrderOfTheMessages) {
  const Messages all = {{"system", "Be brief.\r\n\r\n\nBe kind. "}, {"user", "1"}, {"assistant", "2"}, {"user", "3"}};
  const Messages systems = {{"system", "a"}, {"developer", "b"}, {"user", "1"}, {"system", "c"}};
  const Messages open = {{"user", "1"}, {"assistant", "The"}};
  const Messages empty = {{"system", ""}, {"user", ""}, {"assistant", ""}, {"user", "1"}};
  const struct {
    const char* name;
    const Messages& messages;
    const char* text;
  } rows[] = {
      {"assistant", all, "System: Be brief.\nBe kind.\n\nUser: 1\n\nAssistant: 2\n\nUser: 3\n\nAssistant:"},
      {"assistant", systems, "System: a\n\nSystem: b\n\nUser: 1\n\nSystem: c\n\nAssistant:"},
      {"assistant", open, "User: 1\n\nAssistant: The"},
      {"assistant", empty, "User:\n\nAssistant:\n\nUser: 1\n\nAssistant:"},
      {"bot", all, "System✿Be brief.\nBe kind.✿\nUser✿1✿\nBot✿2✿\nUser✿3✿\nBot✿<think"},
      {"bot", systems, "System✿a✿\nSystem✿b✿\nUser✿1✿\nSystem✿c✿\nBot✿<think"},
      {"bot", open, "User✿1✿\nBot✿The"},
      {"bot", empty, "User✿✿\nBot✿✿\nUser✿1✿\nBot✿<think"},
      {"function_calling", all,
       "### System\nBe brief.\nBe kind.\n### User\n1\n### Assistant\n2\n### User\n3\n### Assistant\n<think"},
      {"function_calling", open, "### User\n1\n### Assistant\nThe"},
      {"world", all, "System: Be brief.\nBe kind.\n\nUser: 1\n\nAssistant: 2\n\nUser: 3\n\nAssistant:"},
      {"raven", all, "Be brief.\nBe kind.\n\nBob: 1\n\nAlice: 2\n\nBob: 3\n\nAlice:"},
      {"pile", systems, "a\n\nb\n\nBob: 1\n\nc\n\nAlice:"},
      {"raven", open, "Bob: 1\n\nAlice: The"},
      {"none", all, "Be brief.\r\n\r\n\nBe kind. \n\n1\n\n2\n\n3"},
      {"none", open, "1\n\nThe"},
  };
  for (const auto& [name, messages, text] : rows) EXPECT_EQ(prompt_of({name}, messages)->text, text) << name;
}

TEST(TemplateTable, ToolsInTheHistoryMakeItFunctionCalling) {
  const Messages tools = {{"system", "Be brief."},
                          {"user", "How warm?"},
                          {"assistant", "", {{"weather", R"({"city": "Oslo"})"}}},
                          {"tool", R"({"celsius": 9})"}};
  const std::string turns =
      "### System\nBe brief.\n### User\nHow warm?\n### Assistant\n**Tool Call:**\n```json\n"
      "{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n```\n"
      "### Tool Output\n```json\n{\"celsius\": 9}\n```\n### Assistant\n";
  for (const char* name : {"assistant", "bot", "function_calling"}) {
    const auto prompt = prompt_of({name}, tools);
    EXPECT_EQ(prompt->text, turns + "<think") << name;
    EXPECT_EQ(prompt->tokens[0], 0) << name;
    EXPECT_EQ(prompt->chat_template, "function_calling");
    EXPECT_EQ(prompt_of({name, Think::off}, tools)->text, turns) << name;
    EXPECT_EQ(prompt_of({name, Think::fake}, tools)->text, turns + "<think></think") << name;
  }
  EXPECT_EQ(prompt_of({"assistant", Think::fake, ThinkWord::none, early}, tools)->text, turns + "<think>\n</think");
}

TEST(TemplateTable, OlderModelsHaveToolsAsRwkvRunnerHasThem) {
  const Messages tools = {{"system", "Be brief."},
                          {"user", "How warm?"},
                          {"assistant", "", {{"weather", R"({"city": "Oslo", "days": 2, "say": "a \"b\""})"}}},
                          {"tool", R"({"celsius": 9})"},
                          {"assistant", "Wait.", {{"clock", ""}}},
                          {"tool", "12"}};
  const std::string turns =
      "weather\n```python\ntool_call(\"city\"=\"Oslo\", \"days\"=\"2\", \"say\"=\"a \\\"b\\\"\")\n```\n\nObservation: {\"celsius\": 9}\n\n";
  const std::string second = "Wait.\nclock\n```python\ntool_call()\n```\n\nObservation: 12\n\n";
  const auto world = prompt_of({"world"}, tools);
  EXPECT_EQ(world->text, "System: Be brief.\n\nUser: How warm?\n\nAssistant: " + turns + "Assistant: " + second + "Assistant:");
  EXPECT_NE(world->tokens[0], 0);
  EXPECT_THAT(world->stops, ElementsAre("\n\nUser:", "\n\nAssistant:", "\n\nSystem:", "\n\nObservation:"));
  EXPECT_EQ(prompt_of({"raven"}, tools)->text, "Be brief.\n\nBob: How warm?\n\nAlice: " + turns + "Alice: " + second + "Alice:");
}

TEST(TemplateTable, TheStopsComeWithTheTemplate) {
  const auto stops = [](const char* name) { return prompt_of({name}, hi)->stops; };
  EXPECT_THAT(stops("assistant"), ElementsAre("\nUser:", "\n\nUser:", "\n\nAssistant:", "\n\nSystem:"));
  EXPECT_THAT(stops("bot"), ElementsAre("✿"));
  EXPECT_THAT(stops("function_calling"),
              ElementsAre("\n### User", "\n### System\n", "\n### Assistant\n", "\n### Tool Output\n"));
  EXPECT_THAT(stops("raven"), ElementsAre("\n\nBob:", "\n\nAlice:"));
  EXPECT_THAT(stops("none"), ElementsAre());
  EXPECT_THAT(prompt_of({"bot"}, hi)->stop_tokens, ElementsAre(10060));
  EXPECT_THAT(prompt_of({"assistant"}, hi)->stop_tokens, ElementsAre());
}

TEST(TemplateTable, AFlowerInAMessageEndsNoTurn) {
  const auto prompt = prompt_of({"bot", Think::off}, {{"user", "a✿\nSystem✿b"}});
  EXPECT_EQ(prompt->text, "User✿a❀\nSystem❀b✿\nBot✿");
  EXPECT_EQ(std::ranges::count(prompt->tokens, 10060), 3);
}

TEST(TemplateTable, RavenIsIntroducedAndSpeaksOfItself) {
  PromptInput input;
  input.messages = {{"system", "You are a cook. Your soup is good."}, {"user", "Hi"}};
  input.chat.presystem = input.keep_text = true;
  const auto text = [&](const char* name) {
    TemplateChoice model;
    model.name = name;
    return make_prompt(input, world(), 65536, 1000, model)->text;
  };
  EXPECT_THAT(text("raven"), testing::StartsWith("The following is a verbose detailed conversation between Bob and Alice."));
  EXPECT_THAT(text("raven"), testing::EndsWith("\n\nI am a cook. My soup is good.\n\nBob: Hi\n\nAlice:"));
  EXPECT_THAT(text("pile"), testing::StartsWith("Bob: hi\n\nAlice: Hi. I am your assistant"));
  EXPECT_THAT(text("pile"), testing::EndsWith("\n\nI am a cook. My soup is good.\n\nBob: Hi\n\nAlice:"));
  EXPECT_THAT(text("bot"), testing::StartsWith("User✿hi✿\nBot✿Hi. I am"));
  EXPECT_THAT(text("world"), testing::EndsWith("\n\nSystem: You are a cook. Your soup is good.\n\nUser: Hi\n\nAssistant:"));
}

TEST(TemplateTable, ARequestMayNameAnotherTemplate) {
  PromptInput input;
  input.messages = hi;
  input.keep_text = true;
  input.chat.name = "raven";
  EXPECT_EQ(make_prompt(input, world(), 65536, 1000, {})->text, "Bob: Hi\n\nAlice:");
  input.chat.name = "chatml";
  try {
    make_prompt(input, world(), 65536, 1000, {});
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_THAT(error.what(), testing::HasSubstr("use one of assistant, bot"));
  }
}

// reasoning_effort: others answer worse with words that they never saw.
TEST(TemplateTable, WordsThatNobodyAskedForAreForModelsThatKnowThem) {
  PromptInput input;
  input.messages = hi;
  input.keep_text = true;
  input.chat.word = ThinkWord::think;
  const auto says = [&](const char* name, Series series) {
    TemplateChoice model;
    model.name = name;
    model.series = series;
    return make_prompt(input, world(), 65536, 1000, model)->text.find(" (think)") != std::string::npos;
  };
  for (const char* name : {"assistant", "bot", "world", "raven"}) EXPECT_TRUE(says(name, other)) << name;
  input.chat.word_if_trained = true;
  EXPECT_TRUE(says("bot", late));
  EXPECT_TRUE(says("assistant", early));
  EXPECT_FALSE(says("assistant", other));
  EXPECT_FALSE(says("world", late));
  EXPECT_FALSE(says("raven", other));
}

// A budget of nothing is an empty thought; any other is fed what closes the thought.
TEST(TemplateTable, TheClosingOfAThoughtIsTheEmptyOnes) {
  PromptInput input;
  input.messages = hi;
  input.keep_text = true;
  TemplateChoice model;
  model.name = "bot";
  input.chat.thinking_budget = 0;
  EXPECT_EQ(make_prompt(input, world(), 65536, 1000, model)->text, "User✿Hi✿\nBot✿<think></think");
  input.chat.thinking_budget = 16;
  EXPECT_THAT(make_prompt(input, world(), 65536, 1000, model)->turn.closing, ElementsAre(754, 35762));
  model.name = "assistant";
  model.series = early;
  EXPECT_THAT(make_prompt(input, world(), 65536, 1000, model)->turn.closing, ElementsAre(11, 754, 35762));
}

}  // namespace
}  // namespace fulmar
