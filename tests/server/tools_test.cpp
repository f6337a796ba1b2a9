// Tools reach the model's prompt, and its calls reach the client, in the words of OpenAI's two forms.
#include "answer/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "server/harness.h"

namespace fulmar::test {
namespace {

const std::string kWeather =
    R"({"name":"weather","description":"The weather.","parameters":{"type":"object","properties":{"city":{"type":"string"},"n":{"maximum":1.50}}}})";
const std::string kTools = R"([{"type":"function","function":)" + kWeather + R"(},{"function":{"name":"clock"}}])";
const std::string kCalls = R"("tools":)" + kTools;
const std::string kFunctions = R"("functions":[)" + kWeather + "]";

FakeOptions says(std::vector<std::string> script) {
  FakeOptions options;
  options.script = std::move(script);
  return options;
}

const std::vector<std::string> kScript = {" I", " look.", "\n\n**Tool Call:**\n```json\n", R"({"name": "weather", "argu)",
                                          R"(ments": {"city": "Oslo"}})", "\n```", "\n<tool_call>", R"({"name":"clock"})", "</tool_call>"};

std::string body_of(const std::string& more, bool stream = false) {
  return fmt::format(R"({{"messages":[{{"role":"user","content":"a"}}],"stream":{},{}}})", stream, more);
}

// An id, of OpenAI's form, becomes "ID".
std::string without_id(std::string text, std::set<std::string>& ids) {
  const std::string begin = R"("id":"call_)";
  for (size_t at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) {
    const std::string id = text.substr(at + begin.size(), 24);
    EXPECT_TRUE(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == id.npos) << text;
    EXPECT_EQ(text[at + begin.size() + 24], '"') << text;
    EXPECT_TRUE(ids.insert(id).second) << "twice";
    text.replace(at, begin.size() + 25, R"("id":"ID")");
  }
  return text;
}

// "delta reason" of each chunk.
std::vector<std::string> chunks(const Answer& answer, std::set<std::string>& ids) {
  std::vector<std::string> all;
  for (const std::string& event : answer.events()) {
    if (event == "[DONE]") break;
    const json::value parsed = json::parse(event);
    const json::value& choice = parsed.at("choices").at(0);
    all.push_back(without_id(json::serialize(choice.at("delta")) + " " + json::serialize(choice.at("finish_reason")), ids));
  }
  return all;
}

TEST(Tools, CallsAreStreamedAsTheyAreWhole) {
  Harness harness(says(kScript));
  Client client = harness.client();
  std::set<std::string> ids;
  const std::vector<std::string> expected = {
      R"({"role":"assistant","content":""} null)",
      R"({"content":"I"} null)",
      R"({"content":" look."} null)",
      R"({"tool_calls":[{"index":0,"id":"ID","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]} null)",
      R"({"tool_calls":[{"index":1,"id":"ID","type":"function","function":{"name":"clock","arguments":"{}"}}]} null)",
      R"({} "tool_calls")"};
  std::vector<std::string> got = chunks(client.post("/v1/chat/completions", body_of(kCalls, true)), ids);
  // What is there at once may be one chunk.
  if (got.size() == expected.size() - 1) got.insert(got.begin() + 1, {expected[1]}), got[2] = expected[2];
  EXPECT_EQ(got, expected);
  EXPECT_EQ(ids.size(), 2u);
}

TEST(Tools, AnAnswerInOnePieceHasTextAndCalls) {
  Harness harness(says(kScript));
  Client client = harness.client();
  std::set<std::string> ids;
  const Answer answer = client.post("/v1/chat/completions", body_of(kCalls));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value choice = json::parse(answer.body).at("choices").at(0);
  EXPECT_EQ(without_id(json::serialize(choice), ids),
            R"({"index":0,"message":{"role":"assistant","content":"I look.","refusal":null,"tool_calls":[{"id":"ID","type":"function",)"
            R"("function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"ID","type":"function","function":{"name":"clock",)"
            R"("arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"})");
}

TEST(Tools, ABoundCallThatIsCutIsNotGivenWhole) {
  Harness harness(says({" ", "**Tool Call:**\n```json\n", R"({"name": "weather", "argu)", R"(ments": {"city": )", R"("Oslo"})", "}", "\n```"}));
  Client client = harness.client();
  std::set<std::string> ids;
  const auto streamed = [&](int max_tokens) {
    std::string told;
    const std::string more = fmt::format(R"({},"tool_choice":"required","max_tokens":{})", kCalls, max_tokens);
    for (const std::string& event : client.post("/v1/chat/completions", body_of(more, true)).events()) {
      if (event == "[DONE]") break;
      const json::value choice = json::parse(event).at("choices").at(0);
      if (const json::value* calls = choice.at("delta").as_object().if_contains("tool_calls")) {
        const json::object& call = calls->at(0).as_object();
        if (call.contains("id")) told += fmt::format("{}(", std::string_view(call.at("function").at("name").as_string()));
        told += call.at("function").at("arguments").as_string();
      }
      if (choice.at("finish_reason").is_string()) told += fmt::format(" {}", std::string_view(choice.at("finish_reason").as_string()));
    }
    return told;
  };
  const auto whole = [&](int max_tokens) {
    const std::string more = fmt::format(R"({},"tool_choice":"required","max_tokens":{})", kCalls, max_tokens);
    return without_id(json::serialize(json::parse(client.post("/v1/chat/completions", body_of(more)).body).at("choices").at(0)), ids);
  };
  EXPECT_EQ(streamed(100), R"(weather({"city":"Oslo"} tool_calls)");
  EXPECT_EQ(streamed(4), R"(weather({"city": length)");
  EXPECT_EQ(whole(100), R"({"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"ID","type":"function",)"
                        R"("function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"})");
  EXPECT_EQ(whole(4), R"({"index":0,"message":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":"length"})");
}

TEST(Tools, CallsAloneHaveNoContent) {
  for (const bool thinks : {false, true}) {
    Harness harness(says({thinks ? "> so </think>\n" : " ", R"(<tool_call>{"name":"clock","arguments":{}}</tool_call>)"}));
    Client client = harness.client();
    std::set<std::string> ids;
    const Answer answer = client.post("/v1/chat/completions", body_of(kCalls + (thinks ? R"(,"enable_think":true)" : "")));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json::value message = json::parse(answer.body).at("choices").at(0).at("message");
    EXPECT_EQ(message.at("content"), json::value(nullptr)) << answer.body;
    EXPECT_EQ(message.as_object().contains("reasoning_content"), thinks);
    EXPECT_EQ(message.at("tool_calls").as_array().size(), 1u);
  }
}

TEST(Tools, TheOlderFormHasOneCallOfAFunction) {
  Harness harness(says(kScript));
  Client client = harness.client();
  std::set<std::string> ids;
  const Answer answer = client.post("/v1/chat/completions", body_of(kFunctions));
  EXPECT_EQ(json::serialize(json::parse(answer.body).at("choices").at(0)),
            R"({"index":0,"message":{"role":"assistant","content":"I look.","refusal":null,"function_call":{"name":"weather","arguments":)"
            R"("{\"city\":\"Oslo\"}"}},"logprobs":null,"finish_reason":"function_call"})");
  const std::vector<std::string> got = chunks(client.post("/v1/chat/completions", body_of(kFunctions, true)), ids);
  ASSERT_GE(got.size(), 3u);
  EXPECT_EQ(got[got.size() - 2], R"({"function_call":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}} null)");
  EXPECT_EQ(got.back(), R"({} "function_call")");
}

TEST(Tools, WithoutToolsCallsAreText) {
  for (const char* more : {R"("tools":[])", R"("tools":[{"function":{"name":"clock"}}],"tool_choice":"none")", R"("function_call":"none")"}) {
    Harness harness(says({R"(<tool_call>{"name":"clock"}</tool_call>)"}));
    Client client = harness.client();
    const json::value choice = json::parse(client.post("/v1/chat/completions", body_of(more)).body).at("choices").at(0);
    EXPECT_EQ(choice.at("message").at("content"), R"(<tool_call>{"name":"clock"}</tool_call>)") << more;
    EXPECT_EQ(choice.at("finish_reason"), "stop");
    EXPECT_TRUE(harness.engine.last_input().chat.tools.empty());
  }
}

TEST(Tools, TheyReachTheTemplateAsTheyAreSpelled) {
  Harness harness;
  Client client = harness.client();
  const auto options = [&](const std::string& more) {
    const Answer answer = client.post("/v1/chat/completions", body_of(more + R"(,"max_tokens":1)"));
    EXPECT_EQ(answer.status, 200) << more << answer.body;
    return harness.engine.last_input().chat;
  };
  const TemplateOptions all = options(kCalls);
  ASSERT_EQ(all.tools.size(), 2u);
  EXPECT_EQ(all.tools[0].name, "weather");
  EXPECT_EQ(all.tools[0].description, "The weather.");
  EXPECT_EQ(all.tools[0].parameters, R"({"type":"object","properties":{"city":{"type":"string"},"n":{"maximum":1.50}}})");
  EXPECT_EQ(all.tools[1].name, "clock");
  EXPECT_EQ(all.tools[1].parameters, "");
  EXPECT_TRUE(all.parallel_calls);
  EXPECT_FALSE(all.must_call);
  EXPECT_FALSE(options(kCalls + R"(,"parallel_tool_calls":false)").parallel_calls);
  EXPECT_TRUE(options(kCalls + R"(,"tool_choice":"auto")").parallel_calls);
  EXPECT_TRUE(options(kCalls + R"(,"tool_choice":"required")").must_call);
  const TemplateOptions named = options(kCalls + R"(,"tool_choice":{"type":"function","function":{"name":"clock"}})");
  EXPECT_TRUE(named.must_call);
  EXPECT_EQ(named.called_tool, "clock");
  EXPECT_EQ(named.tools.size(), 2u);
  const TemplateOptions some = options(
      kCalls + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"clock"}}]}})");
  ASSERT_EQ(some.tools.size(), 1u);
  EXPECT_EQ(some.tools[0].name, "clock");
  EXPECT_TRUE(some.must_call);
  const TemplateOptions old = options(kFunctions + R"(,"function_call":{"name":"weather"})");
  EXPECT_EQ(old.called_tool, "weather");
  EXPECT_FALSE(old.parallel_calls);
  EXPECT_TRUE(options(R"("tools":[{"function":{"name":"a","strict":true}}])").tools[0].strict);
}

TEST(Tools, WhatIsWrongIsNamed) {
  Harness harness;
  Client client = harness.client();
  const auto function = [](const std::string& members) { return R"("tools":[{"type":"function","function":{)" + members + "}}]"; };
  const std::string name = R"("name":"f")";
  std::string many;
  for (int i = 0; i < 129; ++i) many += fmt::format(R"({}{{"function":{{"name":"f{}"}}}})", i ? "," : "", i);
  const std::pair<std::string, std::string> cases[] = {
      {R"("tools":[1])", "tools[0]"},
      {R"("tools":[{}])", "tools[0].function"},
      {R"("tools":[{"type":"custom","custom":{"name":"a"}}])", "tools[0].type"},
      {function(R"("description":"a")"), "tools[0].function.name"},
      {function(R"("name":"a b")"), "tools[0].function.name"},
      {function(R"("name":"\n")"), "tools[0].function.name"},
      {function(R"("name":")" + std::string(129, 'a') + '"'), "tools[0].function.name"},
      {function(name + R"(,"parameters":[1])"), "tools[0].function.parameters"},
      {function(name + R"(,"strict":1)"), "tools[0].function.strict"},
      {R"("tools":[{"function":{"name":"f"}},{"function":{"name":"f"}}])", "tools[1].function.name"},
      {R"("tools":[)" + many + "]", "tools"},
      {function(name + R"(,"description":")" + std::string(1 << 20, 'a') + '"'), "tools"},
      {R"("functions":[{"description":"a"}])", "functions[0].name"},
      {kFunctions + "," + kCalls, "functions"},
      {kCalls + R"(,"tool_choice":"any")", "tool_choice"},
      {kCalls + R"(,"tool_choice":{"type":"function","function":{"name":"other"}})", "tool_choice.function.name"},
      {kCalls + R"(,"tool_choice":{"type":"function"})", "tool_choice.name"},
      {kCalls + R"(,"tool_choice":{"type":"custom","custom":{"name":"clock"}})", "tool_choice.type"},
      {kCalls + R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"name":"x"}]}})", "tool_choice.allowed_tools.tools[0]"},
      {R"("tool_choice":"required")", "tool_choice"},
      {R"("tool_choice":{"type":"function","function":{"name":"f"}})", "tool_choice.function.name"},
      {R"("function_call":{"name":"f"})", "function_call.name"},
      {kFunctions + R"(,"function_call":"required")", "function_call"}};
  for (const auto& [more, param] : cases) {
    const Answer answer = client.post("/v1/chat/completions", body_of(more));
    EXPECT_EQ(answer.status, 400) << more.substr(0, 200);
    EXPECT_EQ(error_of(answer)["param"], json::value(param)) << answer.body;
  }
  EXPECT_EQ(client.post("/v1/chat/completions", body_of(R"("tools":[)" + many.substr(0, many.rfind(",{")) + R"(],"max_tokens":1)")).status, 200);
}

TEST(Tools, OutputsComeIntoTheOrderOfTheirCalls) {
  Harness harness;
  Client client = harness.client();
  const auto outputs = [&](const std::string& tools) {
    const Answer answer = client.post(
        "/v1/chat/completions",
        R"({"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f"}},)"
        R"({"id":"y","function":{"name":"g"}}]},)" + tools + R"(,{"role":"user","content":"b"}]})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string all;
    for (const ChatMessage& message : harness.engine.last_input().messages)
      if (message.role == "tool") all += message.content;
    return all;
  };
  const auto tool = [](const char* id, const char* content) { return fmt::format(R"({{"role":"tool","tool_call_id":"{}","content":"{}"}})", id, content); };
  EXPECT_EQ(outputs(tool("x", "1") + "," + tool("y", "2")), "12");
  EXPECT_EQ(outputs(tool("y", "2") + "," + tool("x", "1")), "12");
  EXPECT_EQ(outputs(tool("y", "2")), "2");
  EXPECT_EQ(outputs(tool("z", "2") + "," + tool("x", "1")), "21");  // nobody knows whose it is
  EXPECT_EQ(outputs(tool("y", "2") + "," + tool("y", "1")), "21");
}

TEST(Tools, TheOlderFormOfAHistoryIsUnderstood) {
  Harness harness;
  Client client = harness.client();
  const Answer answer = client.post("/v1/chat/completions",
                                    R"({"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":)"
                                    R"({"name":"f","arguments":"{\"a\":1.50}"}},{"role":"function","name":"f","content":"2"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::vector<ChatMessage> messages = harness.engine.last_input().messages;
  ASSERT_EQ(messages[1].tool_calls.size(), 1u);
  EXPECT_EQ(messages[1].tool_calls[0].name, "f");
  EXPECT_EQ(messages[1].tool_calls[0].arguments, R"({"a":1.50})");
  EXPECT_EQ(messages[2].role, "tool");
}

// What is bound, and by what: text/constraint_input.h makes a grammar of it.
TEST(Tools, CallsThatMustBeMadeBindTheAnswer) {
  Harness harness;
  Client client = harness.client();
  using Kind = ConstraintInput::Kind;
  const auto form = [&](const std::string& more) {
    const Answer answer = client.post("/v1/chat/completions", body_of(more + R"(,"max_tokens":1)"));
    EXPECT_EQ(answer.status, 200) << more << answer.body;
    return harness.engine.last_constraint();
  };
  const auto has_stop = [&](const std::string& stop) {
    const std::vector<std::string> stops = harness.engine.last_request().stop;
    return std::ranges::find(stops, stop) != stops.end();
  };
  const ConstraintInput required = form(kCalls + R"(,"tool_choice":"required")");
  ASSERT_EQ(required.kind, Kind::sequence);
  EXPECT_EQ(required.parts[0].text, "**Tool Call:**");
  ASSERT_EQ(required.parts[1].kind, Kind::repeated);
  EXPECT_EQ(required.parts[1].text, "\n**Tool Call:**");
  EXPECT_EQ(required.parts[1].most, most_calls);
  const ConstraintInput tools = required.parts[1].parts[0].parts[1];
  ASSERT_EQ(tools.parts.size(), 2u);
  EXPECT_EQ(tools.parts[0].parts[0].text, R"({"name": "weather", "arguments": )");
  EXPECT_EQ(tools.parts[0].parts[1].kind, Kind::json_object);
  EXPECT_NE(tools.parts[0].parts[1].text.find("\"properties\""), std::string::npos);
  EXPECT_EQ(tools.parts[0].parts[1].field, "tools[0].function.parameters");
  EXPECT_TRUE(tools.parts[0].parts[1].lenient);
  EXPECT_FALSE(tools.parts[0].parts[1].in_order);
  EXPECT_FALSE(has_stop("\n\nUser:"));  // it ends itself

  const ConstraintInput named = form(kCalls + R"(,"tool_choice":{"type":"function","function":{"name":"clock"}})");
  EXPECT_EQ(named.parts[1].kind, Kind::sequence);  // once
  EXPECT_EQ(named.parts[1].parts[1].parts.size(), 1u);
  EXPECT_EQ(form(kCalls + R"(,"tool_choice":"required","parallel_tool_calls":false)").parts[1].kind, Kind::sequence);

  const ConstraintInput strict = form(R"("tools":[{"function":{"name":"f","strict":true,"parameters":{"type":"object"}}},{"function":{"name":"g"}}])");
  ASSERT_EQ(strict.kind, Kind::text_before);
  EXPECT_EQ(strict.text, "**Tool Call:**");
  EXPECT_TRUE(has_stop("\n\nUser:"));  // text may come without end
  const ConstraintInput both = strict.parts[0].parts[0].parts[1];
  EXPECT_FALSE(both.parts[0].parts[1].lenient);
  EXPECT_TRUE(both.parts[0].parts[1].in_order) << "members of arguments stand as in the schema";
  EXPECT_NE(both.parts[0].parts[1].text, "");
  EXPECT_EQ(both.parts[1].parts[1].kind, Kind::json_object);
  EXPECT_EQ(both.parts[1].parts[1].text, "");

  for (const bool in_order : {true, false}) {
    const ConstraintInput schema = form(fmt::format(R"("response_format":{{"type":"json_schema","json_schema":{{"strict":{},"schema":{{}}}}}})", in_order));
    EXPECT_EQ(schema.in_order, in_order) << "members stand as in a strict schema";
  }

  const ConstraintInput either = form(kCalls + R"(,"response_format":{"type":"json_object"})");
  ASSERT_EQ(either.kind, Kind::any_of);
  EXPECT_EQ(either.parts[0].kind, Kind::json_object);
  EXPECT_EQ(either.parts[1].parts[0].text, "**Tool Call:**");

  client.post("/v1/chat/completions", body_of(R"("response_format":{"type":"json_object"},"max_tokens":1)"));
  const ConstraintInput before = form(kCalls);
  EXPECT_EQ(before.kind, Kind::json_object) << "nothing is bound where nothing asks for it: this is the one before";
}

// Objects of six texts in any order, two for each tool, are a grammar of more than there is room for.
TEST(Tools, SchemasThatAreTooLargeTogetherAreKeptToByDegrees) {
  Harness harness;
  Client client = harness.client();
  const auto texts = [](int members, int tool) {
    std::string properties;
    for (int j = 0; j < members; ++j)
      properties += fmt::format("{}\"p{}\":{{\"type\":\"string\",\"maxLength\":{}}}", j == 0 ? "" : ",", j, tool + 10 * j + 5);
    return properties;
  };
  const auto tools = [&](int count, int members, bool strict) {
    std::string text = "\"tools\":[";
    for (int i = 0; i < count; ++i)
      text += fmt::format(R"({}{{"function":{{"name":"f{}","strict":{},"parameters":{{"type":"object","properties":{{{},"o":{{"type":"object","properties":{{{}}}}}}}}}}}}})",
                          i == 0 ? "" : ",", i, strict, texts(members - 1, i), texts(members, i + 1));
    return text + R"(],"tool_choice":"required","max_tokens":1)";
  };
  const auto arguments = [&](int count, int members) {
    const Answer answer = client.post("/v1/chat/completions", body_of(tools(count, members, false)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return harness.engine.last_constraint().parts.at(1).parts.at(0).parts.at(1).parts.at(static_cast<size_t>(count) - 1).parts.at(1);
  };
  harness.engine.compile_forms();
  EXPECT_FALSE(arguments(2, 6).in_order);
  EXPECT_NE(arguments(128, 6).text, "");
  EXPECT_TRUE(arguments(128, 6).in_order);
  EXPECT_EQ(arguments(128, 40).text, "");
  EXPECT_EQ(client.post("/v1/chat/completions", body_of(tools(128, 40, true))).status, 400);
}

TEST(Tools, AFormBesideCallsThatMustBeMadeIsRefused) {
  Harness harness;
  Client client = harness.client();
  const std::string form = R"(,"response_format":{"type":"json_object"},"max_tokens":1)";
  const Answer answer = client.post("/v1/chat/completions", body_of(kCalls + R"(,"tool_choice":"required")" + form));
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_NE(answer.body.find("\"param\":\"response_format\""), std::string::npos) << answer.body;
  EXPECT_EQ(client.post("/v1/chat/completions", body_of(kCalls + form)).status, 200);
}

// Its models' spelling, by a body that only its clients send.
TEST(Tools, RwkvRunnersClientsHaveThemToo) {
  Harness harness(says({" weather", "\n```python\n", "tool_call(\"city\"=\"Oslo\")", "\n```"}));
  Client client = harness.client();
  std::set<std::string> ids;
  const Answer answer = client.post("/chat/completions", R"({"messages":[{"role":"user","content":"a","raw":false}],)" + kCalls + "}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(without_id(json::serialize(json::parse(answer.body).at("choices").at(0)), ids),
            R"({"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"ID","type":"function","function":)"
            R"({"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"})");
}

}  // namespace
}  // namespace fulmar::test
