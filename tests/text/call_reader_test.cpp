// A client gets the calls that the model wrote, in whatever spelling it wrote them, and every other letter as text.
#include "text/call_reader.h"

#include <gtest/gtest.h>

namespace fulmar {
namespace {

Turn turn_of(CallForm form, uint32_t most = most_calls, bool together = false) {
  Turn turn;
  turn.opening = TurnOpening::name;
  turn.together = together;
  turn.calls = {form, {"weather", "clock"}, most};
  return turn;
}

const Turn marked = turn_of(CallForm::marked), python = turn_of(CallForm::python);  // and both read all

// "text|name(arguments)|name(arguments)", the text of all pieces together.
std::string read(const Turn& turn, const std::vector<std::string_view>& pieces) {
  CallReader reader(turn);
  std::string text, calls;
  const auto add = [&](const CallText& news) {
    text += news.text;
    for (const ToolCall& call : news.calls) {
      if (!call.name.empty() && !calls.empty()) calls += ')';
      if (!call.name.empty()) calls.append("|").append(call.name).append("(");
      calls += call.arguments;
    }
  };
  for (const std::string_view piece : pieces) add(reader.push(piece));
  add(reader.finish());
  return text + calls + (calls.empty() ? "" : ")");
}

Turn bound_turn(uint32_t most = most_calls) {
  Turn turn = turn_of(CallForm::marked, most);
  turn.calls.bound = true;
  return turn;
}

struct Case {
  const Turn& turn;
  std::string_view said, expected;
};

constexpr std::string_view oslo = R"({"name": "weather", "arguments": {"city": "Oslo"}})";
#define OSLO R"({"name": "weather", "arguments": {"city": "Oslo"}})"
#define OSLO_READ R"(|weather({"city":"Oslo"}))"
#define CLOCK R"({"name": "clock", "arguments": {}})"
#define CLOCK_READ "|clock({})"

const Case spellings[] = {
    // One call in each spelling.
    {marked, "**Tool Call:**\n```json\n" OSLO "\n```", OSLO_READ},
    {marked, "\n\n**Tool Call:**\n```json\n" OSLO "\n```\n\n", OSLO_READ},
    {marked, "**Tool Call:** ```\n" OSLO "```", OSLO_READ},
    {marked, "**Tool Call:**\n" OSLO, OSLO_READ},
    {marked, "**Tool Call:**\n```json\n" OSLO, OSLO_READ},
    {marked, "<tool_call>" OSLO "</tool_call>", OSLO_READ},
    {marked, "<tool_call>\n" OSLO "\n</tool_call>\n", OSLO_READ},
    {marked, "<tool_call>\n```json\n" OSLO "\n```\n</tool_call>", OSLO_READ},
    {marked, "<tool_call>" OSLO, OSLO_READ},
    {marked, "<tool_calls>[" OSLO "]</tool_calls>", OSLO_READ},
    {marked, "```json\n" OSLO "\n```", OSLO_READ},
    {marked, "\n```\n" OSLO "\n```\n", OSLO_READ},
    {marked, "```json\n" OSLO "\n", OSLO_READ},
    {python, "weather\n```python\ntool_call(\"city\"=\"Oslo\")\n```", OSLO_READ},
    {python, "weather ```tool_call(city='Oslo')```", OSLO_READ},
    {python, "weather\n```python\ntool_call(\"city\"=\"Oslo\")", OSLO_READ},
    // Several.
    {marked, "**Tool Call:**\n```json\n" OSLO "\n```\n**Tool Call:**\n```json\n" CLOCK "\n```", OSLO_READ CLOCK_READ},
    {marked, "**Tool Call:**\n```json\n" OSLO "\n" CLOCK "\n```", OSLO_READ CLOCK_READ},
    {marked, "**Tool Call:**\n```json\n[" OSLO ", " CLOCK "]\n```", OSLO_READ CLOCK_READ},
    {marked, "**Tool Call:**\n```json\n" OSLO "\n```\n```json\n" CLOCK "\n```", OSLO_READ CLOCK_READ},
    {marked, "<tool_call>" OSLO "</tool_call>\n<tool_call>" CLOCK "</tool_call>", OSLO_READ CLOCK_READ},
    {marked, "<tool_calls>[\n" OSLO ",\n" CLOCK "\n]</tool_calls>", OSLO_READ CLOCK_READ},
    {marked, "```json\n" OSLO "\n```\n\n```json\n" CLOCK "\n```", OSLO_READ CLOCK_READ},
    {marked, "```json\n[" OSLO "," CLOCK "]\n```", OSLO_READ CLOCK_READ},
    {python, "weather\n```python\ntool_call(\"city\"=\"Oslo\")\n```\nclock\n```python\ntool_call()\n```", OSLO_READ CLOCK_READ},
    // Text around them.
    {marked, "I will look.\n\n**Tool Call:**\n```json\n" OSLO "\n```\nDone.", "I will look.Done." OSLO_READ},
    {marked, "I will look: <tool_call>" OSLO "</tool_call> Done.", "I will look:Done." OSLO_READ},
    {python, "I will look.\nweather\n```python\ntool_call(\"city\"=\"Oslo\")\n```", "I will look." OSLO_READ},
    // Arguments as text, around them OpenAI's object, in another order, with their spelling kept, or none.
    {marked, R"(<tool_call>{"name":"weather","arguments":"{\"city\": \"Oslo\"}"}</tool_call>)", OSLO_READ},
    {marked, R"(<tool_call>{"type":"function","function":{"name":"weather","arguments":{"city":"Oslo"}}}</tool_call>)", OSLO_READ},
    {marked, R"(<tool_call>{"arguments":{"n":1.50e3,"t":"\u00e9\ud83d\udc26}]\""},"name":"clock"}</tool_call>)",
     R"(|clock({"n":1.50e3,"t":"é🐦}]\""}))"},
    {marked, R"(<tool_call>{"name":"clock"}</tool_call>)", CLOCK_READ},
    {marked, R"(<tool_call>{"name":"clock","arguments":""}</tool_call>)", CLOCK_READ},
    {marked, R"(<tool_call>{"name":"clock","arguments":null}</tool_call>)", CLOCK_READ},
    {marked, R"(**Tool Call:** {"name":"other","arguments":{}})", "|other({})"},  // the client says that there is none
    {python, "clock\n```python\ntool_call(\"a\"=\"1, \\\"2\\\")\", b=3.0, c=True, d=None, e=[1, {\"f\": 2}], g=word )\n```",
     R"x(|clock({"a":"1, \"2\")","b":3.0,"c":true,"d":null,"e":[1,{"f":2}],"g":"word"}))x"},
};

// What is none stays text, to the last letter.
constexpr std::string_view texts[] = {
    "", " ", "Hello.", "a\n\nb\n", "**Tool Call", "**Tool Call:**", "**Tool Call:** none", "**Tool** **Call:**", "**Tool Call:**\n```json\n",
    "**Tool Call:**\n```json\n{\"name\": \"weather\"", "**Tool Call:**\n```json\n{\"city\": \"Oslo\"}\n```",
    "**Tool Call:**\n```json\n{\"name\": \"weather\", \"arguments\": {\"city\": Oslo}}\n```",
    "**Tool Call:**\n```json\n{\"name\": \"weather\", \"arguments\": [1]}\n```",
    "**Tool Call:**\n```json\n{\"name\": \"weather\", \"arguments\": \"Oslo\"}\n```",
    "**Tool Call:**\n```json\n{\"name\": \"\", \"arguments\": {}}\n```", "**Tool Call:**\n```json\n{\"name\": 1, \"arguments\": {}}\n```",
    "<", "<tool", "<tool_call", "<tool_call>", "<tool_call>{", "<tool_call>{}</tool_call>", "<tool_call>[]</tool_call>", "<tool_calls>[" OSLO,
    "<tool_call> weather </tool_call>", "a < b, a <= b", "<tool_call>[" OSLO ", 1]</tool_call>", "<b>x</b>",
    "```json\n{\"city\": \"Oslo\"}\n```", "```python\nprint(1)\n```", "```json\n{\"name\": \"Anna\", \"arguments\": {}}\n```", "`a` ``b`` ```c```",
    "Here:\n```json\n" OSLO "\n```", "```json\n" OSLO "\n```\nThat is it.", "```json\n" OSLO "\n``` and\n```json\n" CLOCK "\n```",
    "```json\n" OSLO "\n", "Ünï 海燕 🐦", "* a\n* b\n", "other\n```python\ntool_call(\"city\"=\"Oslo\")\n```"};

// The arguments of a call that cannot go wrong are told as they come: after each letter, all of the call's that were there.
TEST(CallReader, BoundArgumentsAreToldAsTheyCome) {
  const Turn bound = bound_turn();
  const std::string_view mark = "**Tool Call:**\n```json\n", end = "\n```";
  struct Bound {
    std::string_view arguments, read;
  };
  for (const auto& [arguments, expected] : {Bound{R"({"city": "Oslo"})", R"({"city":"Oslo"})"}, Bound{"{}", "{}"}, Bound{"{ }", "{}"},
                                            Bound{R"({"a": [1, {"b": " \" }"}], "c": "\\\\", "é": "海 燕"})", R"({"a":[1,{"b":" \" }"}],"c":"\\\\","é":"海 燕"})"}}) {
    const std::string head = std::string(mark) + R"({"name": "weather", "arguments": )";
    const std::string said = head + std::string(arguments) + "}" + std::string(end);
    const std::string call = "|weather(" + std::string(expected) + ")", twice = said + "\n" + said;
    EXPECT_EQ(read(bound, {said}), call);
    EXPECT_EQ(read(bound, {twice}), call + call);
    for (size_t cut = 1; cut < twice.size(); ++cut) EXPECT_EQ(read(bound, {twice.substr(0, cut), twice.substr(cut)}), call + call) << cut;
    CallReader reader(bound);
    std::string told;
    for (size_t at = 0; at < said.size(); ++at) {
      const CallText news = reader.push(std::string_view(said).substr(at, 1));
      EXPECT_EQ(news.text, "");
      for (const ToolCall& one : news.calls) told += one.name + one.arguments;
      const bool within = at >= head.size() && at + 1 < head.size() + arguments.size();
      EXPECT_EQ(reader.is_within_call(), within) << at;
      EXPECT_EQ(told.empty(), at < head.size()) << at;
      // What an answer that ends here is, was told, and is no text.
      if (within) {
        EXPECT_TRUE(("weather" + std::string(expected)).starts_with(told)) << told;
      }
    }
    EXPECT_EQ(told, "weather" + std::string(expected));
    EXPECT_EQ(reader.finish().text, "");
  }
}

TEST(CallReader, ABoundCallIsTheLastBehindItsBrace) {
  CallReader reader(bound_turn(1));
  reader.push("**Tool Call:**\n```json\n{\"name\": \"clock\", \"arguments\": {}");
  EXPECT_FALSE(reader.full());
  reader.push("}");
  EXPECT_TRUE(reader.full());
}

TEST(CallReader, EverySpellingIsReadHoweverTheTextIsCut) {
  for (const auto& [turn, said, expected] : spellings) {
    for (const Turn& any : {marked, python}) EXPECT_EQ(read(any, {said}), expected) << said;
    for (size_t cut = 1; cut < said.size(); ++cut)
      EXPECT_EQ(read(turn, {said.substr(0, cut), said.substr(cut)}), expected) << said << " at " << cut;
    std::vector<std::string_view> letters;
    for (size_t at = 0; at < said.size(); ++at) letters.push_back(said.substr(at, 1));
    EXPECT_EQ(read(turn, letters), expected) << said;
  }
}

TEST(CallReader, EverySpellingIsReadInEveryPairOfCuts) {
  for (const auto& [turn, said, expected] : spellings)
    for (size_t one = 0; one < said.size(); ++one)
      for (size_t two = one; two <= said.size(); ++two)
        ASSERT_EQ(read(turn, {said.substr(0, one), said.substr(one, two - one), said.substr(two)}), expected) << said << one << two;
}

TEST(CallReader, WhatIsNoCallIsTextToTheLastLetter) {
  for (const std::string_view said : texts) {
    if (said == "```json\n" OSLO "\n") continue;  // which is one: the fence's end may be missing
    for (size_t cut = 0; cut <= said.size(); ++cut)
      EXPECT_EQ(read(marked, {said.substr(0, cut), said.substr(cut)}), said) << cut;
    std::vector<std::string_view> letters;
    for (size_t at = 0; at < said.size(); ++at) letters.push_back(said.substr(at, 1));
    EXPECT_EQ(read(marked, letters), said);
  }
  for (const std::string_view said :
       {"weather", "weather\n```python\nprint(\"a\")\n```", "weather\n```python\ntool_call(1)\n```", "tool_call(a=1)", "a weather\n```tool_call(a=1)```",
        "weather\n```python\ntool_call(\"city\"=\"Oslo", OSLO, "Hello there.\nHow are you?\n"})
    for (size_t cut = 0; cut <= std::string_view(said).size(); ++cut)
      EXPECT_EQ(read(python, {std::string_view(said).substr(0, cut), std::string_view(said).substr(cut)}), said) << cut;
}

// Text goes out as soon as it can be nothing else.
TEST(CallReader, TextIsNotHeldBackLongerThanItMayBecomeACall) {
  CallReader reader(marked);
  EXPECT_EQ(reader.push("We").text, "We");  // no tool's name
  EXPECT_EQ(reader.push(" world").text, " world");
  EXPECT_EQ(reader.push("\n").text, "");
  EXPECT_EQ(reader.push("**Tool").text, "");
  EXPECT_EQ(reader.push("s.").text, "\n**Tools.");
  EXPECT_EQ(reader.push(" <tool_call>{").text, "");
  EXPECT_EQ(reader.push("\"city\"").text, " <tool_call>{\"city\"");
  EXPECT_EQ(reader.push(" ```json\n" OSLO).text, " ```json\n" OSLO);  // it stands not alone
  EXPECT_EQ(reader.push("<tool_call>" OSLO).calls.size(), 1u);  // before its end mark
}

TEST(CallReader, AnAnswerEndsAfterTheCallsThatItMayHave) {
  const std::string both = "**Tool Call:**\n```json\n" OSLO "\n```\n**Tool Call:**\n```json\n" CLOCK "\n```\ntext";
  EXPECT_EQ(read(turn_of(CallForm::marked, 1), {both}), OSLO_READ);
  EXPECT_EQ(read(turn_of(CallForm::marked, 1), {"```json\n[" OSLO "," CLOCK "]\n``` text"}), OSLO_READ);
  CallReader reader(turn_of(CallForm::marked, 2));
  for (const char letter : both.substr(0, both.find("\n```\ntext"))) reader.push({&letter, 1});
  EXPECT_TRUE(reader.full());
  std::string many;
  for (uint32_t i = 0; i < most_calls + 1; ++i) many += "<tool_call>" CLOCK "</tool_call>";
  CallReader last(marked);
  EXPECT_EQ(last.push(many).calls.size(), most_calls);
  EXPECT_TRUE(last.full());
}

TEST(CallReader, NoMoreIsHeldBackThanItsBound) {
  const std::string begin = R"(<tool_call>{"name": "weather", "arguments": {"city": ")";
  std::string said = begin + std::string(2 * most_call_bytes, 'x') + "\"}}</tool_call>";
  EXPECT_EQ(read(marked, {said}), said.substr(0, 0) + said);
  CallReader reader(marked);
  std::string shown = reader.push(begin).text;
  size_t pushed = begin.size();
  while (shown.empty() && pushed < 2 * most_call_bytes) {
    shown = reader.push(std::string(1024, 'x')).text;
    pushed += 1024;
  }
  EXPECT_LE(pushed, most_call_bytes + 2048);
  EXPECT_EQ(shown.size(), pushed);
  EXPECT_EQ(reader.push(std::string(1024, ' ')).text.size(), 1024u);  // nor of white space
}

TEST(CallReader, CallsInAThoughtAreNone) {
  const Turn turn = turn_of(CallForm::marked, most_calls, true);
  const std::string thought = "<think>I could write <tool_call>" OSLO "</tool_call></think>";
  const std::string said = thought + "\n<tool_call>" CLOCK "</tool_call>";
  for (size_t cut = 0; cut <= said.size(); ++cut)
    EXPECT_EQ(read(turn, {std::string_view(said).substr(0, cut), std::string_view(said).substr(cut)}), thought + CLOCK_READ) << cut;
  EXPECT_EQ(read(turn, {"<tool_call>", CLOCK}), CLOCK_READ);
  EXPECT_EQ(read(turn, {"<thinks> ", "a"}), "<thinks> a");
}

// Heads of calls without end take no more time than other text: what is no call is not read again and again.
TEST(CallReader, ManyBeginningsOfCallsAreReadInTime) {
  std::string said;
  while (said.size() < most_call_bytes) said += R"(<tool_call>{"name": "<tool_call>)";
  EXPECT_EQ(read(marked, {said}), said);
  std::string nested = R"(<tool_call>{"name": ")";
  while (nested.size() < most_call_bytes) nested += R"(<tool_call>{\"name)";
  EXPECT_EQ(read(marked, {nested}), nested);
}

}  // namespace
}  // namespace fulmar
