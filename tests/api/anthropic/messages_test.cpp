// Anthropic's endpoints over HTTP: blocks become turns, and whatever is wrong is said in its clients' own shape.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

Answer ask(const Harness& harness, const std::string& body, const char* path = "/v1/messages") {
  return harness.client().post(path, body);
}

// Its sentence, where the whole has the shape of Anthropic's errors.
std::string refused(const Answer& answer, int status, const std::string& type) {
  EXPECT_EQ(answer.status, status) << answer.body;
  boost::system::error_code bad;
  const json::value value = json::parse(answer.body, bad);
  EXPECT_FALSE(bad) << answer.body;
  if (bad || value.at("type") != "error") {
    ADD_FAILURE() << answer.body;
    return {};
  }
  EXPECT_EQ(value.at("error").at("type").as_string(), type) << answer.body;
  EXPECT_EQ(value.as_object().size() + value.at("error").as_object().size(), 4u) << answer.body;
  return std::string(value.at("error").at("message").as_string());
}

std::string with_content(const std::string& content) {
  return R"({"max_tokens":4,"messages":[{"role":"user","content":)" + content + "}]}";
}

// Events with the texts of neighbours in one block put together, for how many there are is up to who reads.
std::vector<std::string> heard(const Answer& answer) {
  std::vector<std::string> out;
  for (const std::string& event : answer.events()) {
    const json::value value = json::parse(event);
    std::string line(value.at("type").as_string());
    if (line == "content_block_start") line += ' ' + std::string(value.at("content_block").at("type").as_string());
    if (line != "content_block_delta") {
      out.push_back(line);
      continue;
    }
    const json::object& delta = value.at("delta").as_object();
    line += ' ' + std::string(delta.at("type").as_string()) + ": ";
    const json::value* text = delta.if_contains("text");
    if (!text) text = delta.if_contains("thinking");
    const std::string more = text ? std::string(text->as_string()) : "";
    if (!out.empty() && out.back().starts_with(line))
      out.back() += more;
    else
      out.push_back(line + more);
  }
  return out;
}

TEST(Anthropic, AThoughtAndAnAnswerAreBlocksOfAStream) {
  FakeOptions fake;
  fake.script = {">", "Well", ", then.", "</think>", "\n", "Good", " morning"};
  Harness harness(fake);
  const Answer answer = ask(harness, R"({"max_tokens":50,"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},)"
                                     R"("messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_THAT(heard(answer), testing::ElementsAre("message_start", "content_block_start thinking", "content_block_delta thinking_delta: Well, then.",
                                                  "content_block_delta signature_delta: ", "content_block_stop", "content_block_start text",
                                                  "content_block_delta text_delta: Good morning", "content_block_stop", "message_delta",
                                                  "message_stop"));
  EXPECT_EQ(harness.engine.last_input().chat.thinking_budget, 1024u);
}

TEST(Anthropic, NobodyGetsAThoughtUnasked) {
  Harness harness;
  for (const char* thinking : {"", R"(,"thinking":{"type":"disabled"})"}) {
    ask(harness, std::string(R"({"max_tokens":2,"messages":[{"role":"user","content":"Hi"}])") + thinking + "}");
    const TemplateOptions chat = harness.engine.last_input().chat;
    EXPECT_TRUE(chat.think == Think::standard && chat.thinking_budget == 0u) << thinking;
  }
  ask(harness, R"({"max_tokens":2,"messages":[{"role":"user","content":"Hi"}],"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}})");
  EXPECT_EQ(harness.engine.last_input().chat.think, Think::open);
  EXPECT_EQ(harness.engine.last_input().chat.word, ThinkWord::a_bit);
}

TEST(Anthropic, BlocksBecomeTurns) {
  Harness harness;
  const Answer answer = ask(harness, R"({"max_tokens":2,"system":[{"type":"text","text":"Be brief."},{"type":"text","text":"Rhyme.","cache_control":{"type":"ephemeral"}}],
    "messages":[{"role":"user","content":[{"type":"text","text":"How warm"},{"type":"text","text":"is it?"}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"I look."},
        {"type":"tool_use","id":"t1","name":"look","input":{"at": 1.50, "deep": {"a": [1e3]}}},{"type":"tool_use","id":"t2","name":"feel","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"20 degrees"}]},
        {"type":"tool_result","tool_use_id":"t2","content":"numb","is_error":true},{"type":"text","text":"So?"}]}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::vector<ChatMessage> turns = harness.engine.last_input().messages;
  std::vector<std::string> said;
  for (const ChatMessage& turn : turns) said.push_back(turn.role + ": " + turn.content);
  EXPECT_THAT(said, testing::ElementsAre("system: Be brief.\nRhyme.", "user: How warm\nis it?", "assistant: I look.", "tool: 20 degrees",
                                         "tool: Error: numb", "user: So?"));
  ASSERT_EQ(turns[2].tool_calls.size(), 2u);
  EXPECT_EQ(turns[2].tool_calls[0].name, "look");
  EXPECT_EQ(turns[2].tool_calls[0].arguments, R"({"at":1.50,"deep":{"a":[1e3]}})");  // as they were spelled
}

TEST(Anthropic, OutputsComeInTheOrderOfTheirCalls) {
  Harness harness;
  const Answer answer = ask(harness, R"({"max_tokens":2,"messages":[{"role":"user","content":"Go"},
    {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"a","input":{}},{"type":"tool_use","id":"t2","name":"b","input":{}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t2","content":"second"},{"type":"tool_result","tool_use_id":"t1","content":"first"}]}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::vector<ChatMessage> turns = harness.engine.last_input().messages;
  ASSERT_EQ(turns.size(), 4u);
  EXPECT_EQ(turns[2].content, "first");
  EXPECT_EQ(turns[3].content, "second");
}

TEST(Anthropic, ToolsAreOffered) {
  Harness harness;
  const std::string begin = R"({"max_tokens":2,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"look","description":"Looks.",)"
                            R"("input_schema":{"type": "object", "properties": {"at": {"type": "number", "maximum": 1.50}}}},{"type":"custom","name":"feel"}])";
  ASSERT_EQ(ask(harness, begin + "}").status, 200);
  TemplateOptions chat = harness.engine.last_input().chat;
  ASSERT_EQ(chat.tools.size(), 2u);
  EXPECT_EQ(chat.tools[0].name + chat.tools[0].description, "lookLooks.");
  EXPECT_EQ(chat.tools[0].parameters, R"({"type":"object","properties":{"at":{"type":"number","maximum":1.50}}})");
  EXPECT_TRUE(chat.parallel_calls && !chat.must_call);
  ASSERT_EQ(ask(harness, begin + R"(,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}})").status, 200);
  EXPECT_FALSE(harness.engine.last_input().chat.parallel_calls);
  ASSERT_EQ(ask(harness, begin + R"(,"tool_choice":{"type":"none"}})").status, 200);
  EXPECT_TRUE(harness.engine.last_input().chat.tools.empty());
  ASSERT_EQ(ask(harness, begin + R"(,"tool_choice":{"type":"any"}})").status, 200);
  EXPECT_TRUE(harness.engine.last_input().chat.must_call);
  ASSERT_EQ(ask(harness, begin + R"(,"tool_choice":{"type":"tool","name":"feel"}})").status, 200);
  EXPECT_EQ(harness.engine.last_input().chat.called_tool, "feel");
  const auto wrong = [&](const std::string& more) {
    return refused(ask(harness, R"({"max_tokens":2,"messages":[{"role":"user","content":"Hi"}],)" + more + "}"), 400, "invalid_request_error");
  };
  EXPECT_THAT(wrong(R"("tools":[{"type":"web_search_20250305","name":"web_search"}])"), HasSubstr("tools[0].type"));
  EXPECT_THAT(wrong(R"("tools":[{"name":"look","input_schema":[1]}])"), HasSubstr("tools[0].input_schema"));
  EXPECT_THAT(wrong(R"("tools":[{"type":"function","function":{"name":"look"}}])"), HasSubstr("tools[0].type"));  // OpenAI's
  EXPECT_THAT(wrong(R"("tool_choice":{"type":"any"})"), HasSubstr("tool_choice"));
  EXPECT_THAT(wrong(R"("tool_choice":{"type":"tool","name":"fly"},"tools":[{"name":"look"}])"), HasSubstr("tool_choice.name"));
  EXPECT_THAT(wrong(R"("tool_choice":"auto")"), HasSubstr("tool_choice"));
}

TEST(Anthropic, AnAnswerInOnePiece) {
  Harness harness;
  const Answer answer = ask(harness, R"({"model":"any","max_tokens":20,"stop_sequences":["three"],"messages":[{"role":"user","content":"Hi"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value message = json::parse(answer.body);
  EXPECT_EQ(message.at("type"), "message");
  EXPECT_EQ(message.at("role"), "assistant");
  EXPECT_EQ(message.at("content").at(0).at("text").as_string(), fake_text("user: Hi\n", 0, 20));
  EXPECT_EQ(message.at("stop_reason"), "max_tokens");
  EXPECT_EQ(message.at("usage").at("output_tokens"), 20);
  EXPECT_EQ(message.at("usage").at("input_tokens"), 9);
}

TEST(Anthropic, TheStopThatEndedItIsTold) {
  Harness harness;
  const std::string text = fake_text("user: Hi\n", 0, 6), stop = fake_word("user: Hi\n", 0, 5);
  const json::value body = {{"max_tokens", 20}, {"stop_sequences", {"never", stop}}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}};
  const json::value message = json::parse(ask(harness, json::serialize(body)).body);
  EXPECT_EQ(message.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(message.at("stop_sequence").as_string(), stop);
}

TEST(Anthropic, TokensAreCountedWithoutMakingAny) {
  Harness harness;
  const Answer answer = ask(harness, R"({"model":"any","messages":[{"role":"user","content":"Hi"}]})", "/v1/messages/count_tokens");
  EXPECT_EQ(answer.body, R"({"input_tokens":9})");
  EXPECT_EQ(harness.engine.stats().completion_tokens, 0u);
}

TEST(Anthropic, WhatIsWrongIsSaidInItsOwnShape) {
  Harness harness;
  const std::string hi = R"("messages":[{"role":"user","content":"Hi"}])";
  struct Case {
    std::string body, sentence;
  };
  for (const Case& one : {
           Case{"{" + hi + "}", "max_tokens is missing"},
           Case{"nonsense", "JSON"},
           Case{R"({"max_tokens":0,)" + hi + "}", "max_tokens"},
           Case{R"({"max_tokens":4})", "messages must have at least one message"},
           Case{R"({"max_tokens":4,"n":2,)" + hi + "}", "n is not supported"},
           Case{R"({"max_tokens":4,"thinking":{"type":"maybe"},)" + hi + "}", "thinking.type"},
           Case{R"({"max_tokens":4,"service_tier":"first",)" + hi + "}", "service_tier"},
           Case{R"({"max_tokens":4,"stop_sequences":[""],)" + hi + "}", "stop_sequences"},
           Case{R"({"max_tokens":4,"system":[{"type":"image"}],)" + hi + "}", "system[0] is an image"},
           Case{with_content(R"([{"type":"image","source":{"type":"url","url":"http://a"}}])"), "messages[0].content[0] is an image"},
           Case{with_content(R"([{"type":"document"}])"), "messages[0].content[0] is a document"},
           Case{with_content(R"([{"type":"tool_use","name":"a"}])"), "messages[0].content[0] is a block of type tool_use"},
           Case{with_content(R"([{"text":"a"}])"), "messages[0].content[0] is a block without a type"},
           Case{with_content(R"([{"type":"text"}])"), "messages[0].content[0]"},
           Case{with_content(R"(["a"])"), "messages[0].content[0] must be an object"},
           Case{with_content("[]"), "messages[0].content is empty"},
           Case{with_content("7"), "messages[0].content"},
           // As OpenAI's clients write it.
           Case{R"({"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":9})", "max_tokens is missing"},
           Case{R"({"max_tokens":9,"messages":[{"role":"tool","tool_call_id":"1","content":"Hi"}]})", "messages[0].role"},
           Case{R"({"max_tokens":9,"messages":[{"role":"developer","content":"Hi"}]})", "the field system"},
           Case{with_content(R"([{"type":"image_url","image_url":{"url":"http://a"}}])"), "image_url"},
       })
    EXPECT_THAT(refused(ask(harness, one.body), 400, "invalid_request_error"), HasSubstr(one.sentence)) << one.body;
  Client client = harness.client();
  refused(client.get("/v1/messages"), 405, "invalid_request_error");
  const Answer threaded = ask(harness, R"({"max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"thread":{"type":"create"}})");
  EXPECT_EQ(threaded.status, 400);
  EXPECT_EQ(json::parse(threaded.body), json::parse(R"({"type": "error", "error": {
      "type": "invalid_request_error", "message": "thread is not supported: send all messages",
      "details": {"error_code": "thread_unsupported_request", "unsupported": ["threads"]}}})")) << "what the package looks for";
}

TEST(Anthropic, TheKeyMayComeAsItsClientsSendIt) {
  http::ServerOptions options;
  options.password = "sesame";
  Harness harness({}, options);
  harness.context.password = "sesame";
  const auto with = [&](std::string_view headers) {
    Client client = harness.client();
    client.send("POST", "/v1/messages", with_content("\"Hi\""), headers);
    return client.receive();
  };
  refused(with(""), 401, "authentication_error");
  refused(with("x-api-key: wrong\r\n"), 401, "authentication_error");
  EXPECT_EQ(with("X-API-Key: sesame\r\nanthropic-version: 2023-06-01\r\n").status, 200);
  EXPECT_EQ(with("Authorization: Bearer sesame\r\n").status, 200);
}

TEST(Anthropic, ModelsAreListedInTheShapeOfWhoAsks) {
  Harness harness;
  const auto get = [&](const char* path, std::string_view headers) {
    Client client = harness.client();
    client.send("GET", path, {}, headers);
    return client.receive();
  };
  constexpr std::string_view ours = "anthropic-version: 2023-06-01\r\n";
  const std::string model =
      R"({"type":"model","id":"fake-rwkv","display_name":"fake-rwkv","created_at":"2023-11-14T22:13:20Z","lifecycle":"active"})";
  EXPECT_EQ(get("/v1/models", ours).body, R"({"data":[)" + model + R"(],"has_more":false,"first_id":"fake-rwkv","last_id":"fake-rwkv"})");
  EXPECT_EQ(get("/v1/models/fake-rwkv", ours).body, model);
  refused(get("/v1/models/other", ours), 404, "not_found_error");
  EXPECT_EQ(json::parse(get("/v1/models", "").body).at("object"), "list");
}

TEST(Anthropic, ModelsComeInPages) {
  Harness harness;
  for (const char* name : {"b", "c", "d"}) {
    host::Served entry;
    entry.id = name;
    entry.engine = harness.host.current()->engine;
    harness.host.name(std::move(entry));
  }
  const auto get = [&](const std::string& query) {
    Client client = harness.client();
    client.send("GET", "/v1/models" + query, {}, "anthropic-version: 2023-06-01\r\n");
    return client.receive();
  };
  const auto page = [&](const std::string& query) {
    const json::value told = json::parse(get(query).body);
    std::string ids;
    for (const json::value& model : told.at("data").as_array()) ids += fmt::format("{} ", std::string_view(model.at("id").as_string()));
    return fmt::format("{}{} {} {}", ids, told.at("has_more").as_bool() ? "..." : ".", json::serialize(told.at("first_id")),
                       json::serialize(told.at("last_id")));
  };
  EXPECT_EQ(page(""), R"(fake-rwkv b c d . "fake-rwkv" "d")");
  EXPECT_EQ(page("?limit=2"), R"(fake-rwkv b ... "fake-rwkv" "b")");
  EXPECT_EQ(page("?limit=2&after_id=b"), R"(c d . "c" "d")");
  EXPECT_EQ(page("?after_id=d"), ". null null");
  EXPECT_EQ(page("?limit=2&before_id=d"), R"(b c ... "b" "c")");
  EXPECT_EQ(page("?limit=2&before_id=c"), R"(fake-rwkv b . "fake-rwkv" "b")");
  EXPECT_EQ(page("?limit=1&after_id=fake-rwkv&before_id=d"), R"(b ... "b" "b")");
  EXPECT_EQ(page("?after_id=c&before_id=b"), ". null null");
  for (const char* wrong : {"?limit=0", "?limit=1001", "?limit=many", "?limit=", "?after_id=other", "?before_id=other"})
    refused(get(wrong), 400, "invalid_request_error");
}

}  // namespace
}  // namespace fulmar::test
