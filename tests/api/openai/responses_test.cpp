// /v1/responses: what is kept, what a response goes on from, and what is refused.
#include <algorithm>

#include "api/states/service.h"
#include "state/sessions.h"

namespace fulmar::test {
namespace {

struct ResponseService : StateService {
  explicit ResponseService(const Folder& folder, FakeOptions model = {}, uint64_t limit = 0)
      : StateService(std::move(model), {.sessions = StateStore::open({.file = folder.file(), .limit = limit})}) {}

  json::object respond(const json::object& body) const { return ask("/v1/responses", body); }
  Answer take(const std::string& id, std::string_view more = {}) const { return get(fmt::format("/v1/responses/{}{}", id, more)); }
};

json::object asking(const std::string& input) {
  return {{"input", input}, {"max_output_tokens", 6}};
}
std::string id_of(const json::object& response) {
  return std::string(response.at("id").as_string());
}
std::string said_by(const json::object& response) {
  return std::string(response.at("output").at(0).at("content").at(0).at("text").as_string());
}
int64_t tokens_of(const json::object& response, const char* pointer) {
  return json::value(response).at_pointer(fmt::format("/usage/{}", pointer)).to_number<int64_t>();
}
json::object after(const json::object& response, json::object body) {
  body["previous_response_id"] = id_of(response);
  return body;
}
std::vector<json::object> events_of(const Answer& answer) {
  std::vector<json::object> events;
  for (const std::string& event : answer.events()) events.push_back(json::parse(event).as_object());
  return events;
}

TEST(Responses, AreKeptUntilTheyAreDeleted) {
  const Folder folder;
  std::string id;
  json::object response;
  {
    const ResponseService service(folder);
    response = service.respond(with(asking("Hi"), {{"metadata", {{"a", "b"}}}, {"instructions", "Be brief."}}));
    id = id_of(response);
    EXPECT_EQ(response.at("status"), "incomplete");
    EXPECT_EQ(response.at("store"), true);
    EXPECT_EQ(response.at("instructions"), "Be brief.");
    EXPECT_EQ(object_of(service.take(id)), response);
  }
  const ResponseService service(folder);  // started again
  EXPECT_EQ(object_of(service.take(id)), response);
  const json::object items = object_of(service.take(id, "/input_items"));
  ASSERT_EQ(items.at("data").as_array().size(), 1u);
  EXPECT_EQ(items.at("data").at(0).at("content"), json::parse(R"([{"type": "input_text", "text": "Hi"}])"));
  EXPECT_EQ(service.erase("/v1/responses/" + id).body, fmt::format(R"({{"id":"{}","object":"response","deleted":true}})", id));
  EXPECT_FALSE(service.engine->sessions().entry(id)) << "its state goes with it";
  for (const char* more : {"", "/input_items"}) EXPECT_NE(complaint(service.take(id, more), 404).find("not found"), std::string::npos);
  EXPECT_EQ(service.erase("/v1/responses/" + id).status, 404);
  EXPECT_EQ(service.post("/v1/responses/" + id + "/cancel", "").status, 404);
}

TEST(Responses, OneGoesOnFromTheStateOfAnother) {
  const Folder folder;
  json::object first;
  {
    const ResponseService service(folder);
    first = service.respond(with(asking("Hi"), {{"seed", 3}}));
  }
  const ResponseService service(folder);
  const json::object second = service.respond(after(first, with(asking("And?"), {{"seed", 4}})));
  const std::string before = service.text_of_session(id_of(first)), both = service.text_of_session(id_of(second));
  EXPECT_TRUE(both.starts_with(before)) << both;
  EXPECT_NE(both.find("And?"), std::string::npos) << both;
  const auto known = static_cast<int64_t>(service.engine->sessions().entry(id_of(first))->tokens);
  EXPECT_EQ(tokens_of(second, "input_tokens_details/cached_tokens"), known);
  EXPECT_LT(tokens_of(second, "input_tokens") - known, tokens_of(second, "input_tokens"));
  EXPECT_EQ(static_cast<size_t>(tokens_of(second, "input_tokens") + tokens_of(second, "output_tokens")), both.size()) << both;
  EXPECT_EQ(second.at("previous_response_id"), first.at("id"));
  // A chat that holds the same conversation in a session says the same.
  const auto chat = [&](const char* text, int seed) {
    const json::object body = {{"session_id", "s"}, {"max_tokens", 6}, {"seed", seed},
                               {"messages", json::array{json::object{{"role", "user"}, {"content", text}}}}};
    return service.ask("/v1/chat/completions", body).at("choices").at(0).at("message").at("content").as_string();
  };
  EXPECT_EQ(chat("Hi", 3), said_by(first));
  EXPECT_EQ(chat("And?", 4), said_by(second));
}

TEST(Responses, TwoThatGoOnFromOneDoNotKnowOfEachOther) {
  const Folder folder;
  const ResponseService service(folder);
  const json::object first = service.respond(asking("Hi"));
  const std::string before = service.text_of_session(id_of(first));
  const json::object one = service.respond(after(first, with(asking("One"), {{"seed", 1}}))),
                     other = service.respond(after(first, with(asking("Two"), {{"seed", 1}})));
  EXPECT_EQ(service.text_of_session(id_of(first)), before);
  EXPECT_EQ(service.text_of_session(id_of(other)).find("One"), std::string::npos);
  ASSERT_EQ(service.erase("/v1/responses/" + id_of(first)).status, 200);
  const json::object more = service.respond(after(one, asking("Three")));
  EXPECT_TRUE(service.text_of_session(id_of(more)).starts_with(service.text_of_session(id_of(one))));
  const json::object unkept = service.respond(after(one, with(asking("Four"), {{"store", false}})));
  EXPECT_EQ(unkept.at("store"), false);
  EXPECT_EQ(service.take(id_of(unkept)).status, 404);
  EXPECT_FALSE(service.engine->sessions().entry(id_of(unkept)));
  EXPECT_EQ(tokens_of(unkept, "input_tokens_details/cached_tokens"), static_cast<int64_t>(service.text_of_session(id_of(one)).size()));
}

TEST(Responses, AStreamEndsWhenTheResponseIsKept) {
  const Folder folder;
  const ResponseService service(folder);
  const std::vector<json::object> events = events_of(service.post("/v1/responses", json::serialize(with(asking("Hi"), {{"stream", true}}))));
  ASSERT_GT(events.size(), 6u);
  std::string text;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].at("sequence_number"), i);
    if (events[i].at("type") == "response.output_text.delta") text += events[i].at("delta").as_string();
  }
  EXPECT_EQ(events.front().at("type"), "response.created");
  EXPECT_EQ(events.back().at("type"), "response.incomplete");
  const json::object response = events.back().at("response").as_object();
  EXPECT_EQ(said_by(response), text);
  EXPECT_EQ(object_of(service.take(id_of(response))), response);
}

TEST(Responses, WhereTheClientLeavesNothingIsKept) {
  const Folder folder;
  FakeOptions slow;
  slow.before_step = [](uint64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(2)); };
  const ResponseService service(folder, slow);
  StateStore& sessions = service.engine->sessions();
  Client client = service.client();
  client.send("POST", "/v1/responses", json::serialize(with(asking("Hi"), {{"stream", true}, {"max_output_tokens", 100000}})));
  client.receive_bytes(3000);
  client.close();
  EXPECT_TRUE(soon([&] { return service.engine->stats().live == 0; }));
  EXPECT_TRUE(soon([&] { return sessions.list("", 10).empty(); })) << sessions.list("", 1)[0].id;
  EXPECT_TRUE(soon([&] { return service.context.waiting_text == 0; }));
}

TEST(Responses, WhatCannotBeKeptSaysSoAndLeavesNothing) {
  const Folder folder;
  const ResponseService service(folder, {}, 1 << 20);
  const json::object tool = {{"type", "function"}, {"name", "look"}, {"description", std::string(300'000, 'x')}};
  const json::object body = with(asking("Hi"), {{"tools", json::array{tool}}, {"tool_choice", "none"}});
  EXPECT_NE(complaint(service.post("/v1/responses", json::serialize(body)), 413).find("--sessions-limit"), std::string::npos);
  const std::vector<json::object> events = events_of(service.post("/v1/responses", json::serialize(with(body, {{"stream", true}}))));
  EXPECT_EQ(events.back().at("type"), "response.failed");
  EXPECT_EQ(events.back().at("sequence_number"), events.size() - 1);
  EXPECT_TRUE(soon([&] { return service.engine->sessions().list("", 10).empty(); }));
  EXPECT_EQ(service.respond(with(body, {{"store", false}})).at("store"), false);
}

TEST(Responses, CallsAndTheirOutputsAreReadBehindTheState) {
  const Folder folder;
  const ResponseService service(folder);
  const json::object tool = {{"type", "function"}, {"name", "look"}, {"parameters", json::parse(R"({"type": "object", "properties":
    {"at": {"type": "string", "enum": ["sea", "sky"]}}, "required": ["at"], "additionalProperties": false})")}, {"strict", true}};
  const json::object first = service.respond({{"input", "Look!"}, {"tools", json::array{tool}}, {"tool_choice", "required"}, {"parallel_tool_calls", false}});
  const json::object& call = first.at("output").as_array().back().as_object();
  ASSERT_EQ(call.at("type"), "function_call") << json::serialize(first);
  const std::string at(json::parse(call.at("arguments").as_string()).at("at").as_string());
  EXPECT_TRUE(at == "sea" || at == "sky") << at;
  const json::array outputs = {json::object{{"type", "function_call_output"}, {"call_id", call.at("call_id")}, {"output", "blue as ever"}}};
  const json::object second = service.respond(after(first, {{"input", outputs}, {"max_output_tokens", 5}, {"tools", json::array{tool}}, {"tool_choice", "none"}}));
  const std::string read = service.text_of_session(id_of(second));
  EXPECT_NE(read.find("blue as ever"), std::string::npos) << read;
  // It was told of the tool once; of another it is told when that is there.
  EXPECT_NE(read.find("### `look`"), read.npos) << read;
  EXPECT_EQ(read.find("### `look`"), read.rfind("### `look`")) << read;
  const json::object other = with(tool, {{"name", "hark"}});
  const json::object third = service.respond(after(second, with(asking("And?"), {{"tools", json::array{tool, other}}})));
  EXPECT_EQ(read.find("hark"), std::string::npos);
  EXPECT_NE(service.text_of_session(id_of(third)).find("hark"), std::string::npos);
  // The same as a history that the client has.
  const json::array history = {json::object{{"role", "user"}, {"content", "Look!"}}, call, outputs[0]};
  const json::object whole = service.respond({{"input", history}, {"max_output_tokens", 5}, {"tools", json::array{tool}}});
  EXPECT_NE(service.text_of_session(id_of(whole)).find("blue as ever"), std::string::npos);
  // And by the item's name alone.
  const json::array referring = {history[0], json::object{{"type", "item_reference"}, {"id", call.at("id")}}, outputs[0]};
  const json::object referred = service.respond({{"input", referring}, {"max_output_tokens", 5}, {"tools", json::array{tool}}});
  EXPECT_EQ(tokens_of(referred, "input_tokens"), tokens_of(whole, "input_tokens"));
}

TEST(Responses, InputItemsAreListedInPages) {
  const Folder folder;
  const ResponseService service(folder);
  json::array input;
  for (const char* text : {"a", "b", "c"}) input.push_back(json::object{{"role", "user"}, {"content", text}});
  const std::string id = id_of(service.respond(with(asking(""), {{"input", input}})));
  const auto page = [&](std::string_view query) {
    const json::object list = object_of(service.take(id, fmt::format("/input_items?{}", query)));
    std::string texts;
    for (const json::value& item : list.at("data").as_array()) texts += item.at("content").at(0).at("text").as_string();
    return std::pair(texts + (list.at("has_more").as_bool() ? "+" : ""), list.at("last_id"));
  };
  EXPECT_EQ(page("").first, "cba");
  EXPECT_EQ(page("order=asc").first, "abc");
  const auto [first, last] = page("order=asc&limit=2");
  EXPECT_EQ(first, "ab+");
  EXPECT_EQ(page(fmt::format("order=asc&after={}", std::string(last.as_string()))).first, "c");
  for (const char* wrong : {"limit=0", "limit=101", "limit=x", "order=up", "after=nobody"})
    EXPECT_EQ(service.take(id, fmt::format("/input_items?{}", wrong)).status, 400) << wrong;
}

TEST(Responses, LogProbabilitiesAreToldOnce) {
  const Folder folder;
  const ResponseService service(folder);
  const json::object body = with(asking("Hi"), {{"include", json::array{"message.output_text.logprobs"}}, {"top_logprobs", 2}});
  const json::object response = service.respond(body);
  const json::array& rows = response.at("output").at(0).at("content").at(0).at("logprobs").as_array();
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0].at("top_logprobs").as_array().size(), 2u);
  EXPECT_TRUE(object_of(service.take(id_of(response))).at("output").at(0).at("content").at(0).at("logprobs").as_array().empty());
  size_t streamed = 0;
  for (const json::object& event : events_of(service.post("/v1/responses", json::serialize(with(body, {{"stream", true}})))))
    if (event.at("type") == "response.output_text.delta") streamed += event.at("logprobs").as_array().size();
  EXPECT_EQ(streamed, 6u);
}

TEST(Responses, WithoutAFileTheyAreAnsweredAndNotKept) {
  const StateService service;
  const json::object response = service.ask("/v1/responses", asking("Hi"));
  EXPECT_EQ(response.at("store"), false);
  EXPECT_EQ(service.get("/v1/responses/" + id_of(response)).status, 404);
  EXPECT_TRUE(service.engine->sessions().list("", 10).empty());
  const std::string sentence = complaint(service.post("/v1/responses", json::serialize(after(response, asking("And?")))), 400, "previous_response_id");
  EXPECT_NE(sentence.find("--sessions"), std::string::npos) << sentence;
}

TEST(Responses, WhatIsWrongIsRefusedByName) {
  const Folder folder;
  const ResponseService service(folder);
  const std::string kept = id_of(service.respond(asking("Hi")));
  struct Wrong {
    const char *more, *param;
  };
  for (const auto& [more, param] : std::vector<Wrong>{
           {R"({"input": null})", "input"},
           {R"({"input": 5})", "input"},
           {R"({"input": []})", "input"},
           {R"({"input": [5]})", "input[0]"},
           {R"({"input": [{"content": "a"}]})", "input[0].role"},
           {R"({"input": [{"role": "critic", "content": "a"}]})", "input[0].role"},
           {R"({"input": [{"role": "user"}]})", "input[0].content"},
           {R"({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]})", "input[0].content[0].type"},
           {R"({"input": [{"role": "user", "content": [{"type": "input_text"}]}]})", "input[0].content[0].text"},
           {R"({"input": [{"type": "web_search_call", "id": "x"}]})", "input[0].type"},
           {R"({"input": [{"type": "function_call", "arguments": "{}"}]})", "input[0].name"},
           {R"({"input": [{"type": "function_call", "name": "a", "arguments": "no"}]})", "input[0].arguments"},
           {R"({"input": [{"type": "function_call", "name": "a", "arguments": {}}]})", "input[0].arguments"},
           {R"({"input": [{"type": "item_reference", "id": "msg_1"}]})", "input[0].id"},
           {R"({"input": [{"type": "item_reference"}]})", "input[0].id"},
           {R"({"input": [{"type": "reasoning", "summary": 5}, {"role": "user", "content": "a"}]})", "input[0].summary"},
           {R"({"background": true})", "background"},
           {R"({"conversation": "conv_1"})", "conversation"},
           {R"({"prompt": {"id": "p"}})", "prompt"},
           {R"({"session_id": "s"})", "session_id"},
           {R"({"n": 2})", "n"},
           {R"({"tools": [{"type": "web_search"}]})", "tools[0].type"},
           {R"({"tools": [{"type": "function", "name": "a b"}]})", "tools[0].name"},
           {R"({"tool_choice": "required"})", "tool_choice"},
           {R"({"tool_choice": {"type": "function", "name": "a"}})", "tool_choice.name"},
           {R"({"tool_choice": {"type": "file_search"}})", "tool_choice.type"},
           {R"({"text": {"format": {"type": "xml"}}})", "text.format.type"},
           {R"({"text": {"format": {"type": "json_schema"}}})", "text.format.schema"},
           {R"({"text": {"verbosity": "loud"}})", "text.verbosity"},
           {R"({"reasoning": {"effort": "huge"}})", "reasoning.effort"},
           {R"({"include": ["nothing"]})", "include[0]"},
           {R"({"top_logprobs": 2})", "top_logprobs"},
           {R"({"top_logprobs": 2, "include": ["message.output_text.logprobs"], "max_output_tokens": 2049})", "max_output_tokens"},
           {R"({"truncation": "some"})", "truncation"},
           {R"({"max_output_tokens": 0})", "max_output_tokens"},
           {R"({"store": 1})", "store"},
           {R"({"service_tier": "gold"})", "service_tier"},
           {R"({"metadata": {"a": 1}})", "metadata"},
           {R"({"response_format": {"type": "json_object"}})", "response_format"},
           {R"({"previous_response_id": 5})", "previous_response_id"},
           {R"({"previous_response_id": "resp_none"})", "previous_response_id"},
           {R"({"previous_response_id": "../a"})", "previous_response_id"}})
    complaint(service.post("/v1/responses", json::serialize(with(asking("a"), json::parse(more).as_object()))), 400, param);
  const Answer unknown = service.post("/v1/responses", json::serialize(with(asking("a"), {{"previous_response_id", "resp_000000000000000000000000"}})));
  EXPECT_EQ(object_of(unknown).at("error").at("code"), "previous_response_not_found") << unknown.body;
  const json::object large = with(asking(std::string(5 << 20, 'a')), {});
  complaint(service.post("/v1/responses", json::serialize(large)), 400, "input");
  complaint(service.take(kept, "?stream=true"), 400, "stream");
  EXPECT_EQ(complaint(service.post("/v1/responses/" + kept + "/cancel", ""), 400), "Cannot cancel a synchronous response.");
  for (const char* other : {"nobody", "resp_", "resp_000000000000000000000000", "a%2Fb", "a/b", "%00"})
    EXPECT_EQ(service.take(other).status, service.take(other, "/input_items").status) << other;
  EXPECT_EQ(service.engine->sessions().list("", 10).size(), 1u) << "what was refused leaves nothing";
}

TEST(Responses, AnotherModelDoesNotGoOn) {
  const Folder folder;
  const ResponseService service(folder);
  const json::object first = service.respond(asking("Hi"));
  service.engine->set_adapters({{"other", {}, {}}}, 10);
  for (const char* path : {"/v1/responses", "/v1/responses/input_tokens"})
    EXPECT_NE(complaint(service.post(path, json::serialize(after(first, asking("And?")))), 400, "previous_response_id").find("another model"), std::string::npos);
  EXPECT_EQ(object_of(service.take(id_of(first))), first) << "it is there to be read";
}

TEST(Responses, OpenaisOtherWordsChangeNothing) {
  const Folder folder;
  const ResponseService service(folder);
  const std::string plain = said_by(service.respond(with(asking("Hi"), {{"seed", 1}})));
  for (const char* more : {R"({"include": ["reasoning.encrypted_content"]})", R"({"truncation": "auto"})", R"({"background": false})",
                           R"({"stream_options": {"include_obfuscation": false}})", R"({"max_tool_calls": 3})", R"({"prompt_cache_key": "k"})",
                           R"({"text": {"format": {"type": "text"}, "verbosity": "low"}})", R"({"reasoning": {"summary": "auto"}})",
                           R"({"conversation": null, "tools": [], "tool_choice": "auto", "safety_identifier": "x", "user": "y"})",
                           R"({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]})",
                           R"({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "Hi"}]})"})
    EXPECT_EQ(said_by(service.respond(with(with(asking("Hi"), {{"seed", 1}}), json::parse(more).as_object()))), plain) << more;
}

TEST(Responses, TokensAreCountedWithoutAnAnswer) {
  const Folder folder;
  const ResponseService service(folder);
  const json::object first = service.respond(asking("Hi"));
  EXPECT_EQ(service.ask("/v1/responses/input_tokens", asking("Hi")).at("input_tokens"), tokens_of(first, "input_tokens"));
  const json::object counted = service.ask("/v1/responses/input_tokens", after(first, asking("And?")));
  EXPECT_EQ(counted.at("object"), "response.input_tokens");
  EXPECT_EQ(counted.at("input_tokens"), tokens_of(service.respond(after(first, asking("And?"))), "input_tokens"));
}

}  // namespace
}  // namespace fulmar::test
