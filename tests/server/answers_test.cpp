// One-shot answers and the small endpoints say what OpenAI's clients read.
#include <fmt/format.h>

#include "server/harness.h"

namespace fulmar::test {
namespace {

TEST(Answers, HealthTellsLoadingReadyTroubleAndDraining) {
  Harness harness;
  Client client = harness.client();
  const json::value ready = json::parse(client.get("/health").body);
  EXPECT_EQ(ready.at("status"), "ok");
  EXPECT_EQ(ready.at("model"), "fake-rwkv");
  EXPECT_EQ(ready.at("live"), 0);

  harness.engine.set_trouble("the device was lost");
  Answer answer = client.get("/health");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(error_of(answer)["message"], "the device was lost");
  answer = client.post("/v1/completions", R"({"prompt":"a"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.headers.contains("retry-after"));
  harness.engine.set_trouble("");

  harness.serve_nothing();
  for (const char* path : {"/health", "/v1/models", "/v1/models/x"}) {
    answer = client.get(path);
    EXPECT_EQ(answer.status, 503);
    error_of(answer);
  }
  for (const char* path : {"/v1/completions", "/v1/chat/completions"})
    EXPECT_EQ(client.post(path, "{}").status, 503);
  harness.serve();
  harness.context.draining = true;
  EXPECT_EQ(client.get("/health").status, 503);
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"a"})").status, 503);
}

TEST(Answers, ModelsAreListed) {
  Harness harness;
  Client client = harness.client();
  const json::value list = json::parse(client.get("/v1/models?x=1").body);
  EXPECT_EQ(list.at("object"), "list");
  const json::value one = list.at("data").at(0);
  EXPECT_EQ(one.at("id"), "fake-rwkv");
  EXPECT_EQ(one.at("object"), "model");
  EXPECT_EQ(one.at("created"), 1'700'000'000);
  EXPECT_EQ(json::parse(client.get("/v1/models/fake%2Drwkv").body), one);
}

TEST(Answers, AModelIsFoundUnderAnyNameThatAFileCanHave) {
  FakeOptions options;
  options.id = "G1 (0.4B)/50% 海燕+\"v2\"?#";
  Harness harness(options);
  Client client = harness.client();
  const json::value listed = json::parse(client.get("/v1/models").body).at("data").at(0);
  EXPECT_EQ(listed.at("id"), json::value(options.id));
  for (const char* path : {"/v1/models/G1%20(0.4B)%2F50%25%20%E6%B5%B7%E7%87%95%2B%22v2%22%3F%23",
                           "/v1/models/G1%20(0.4B)/50%25%20%e6%b5%b7%e7%87%95+%22v2%22%3f%23?x=1"})
    EXPECT_EQ(json::parse(client.get(path).body), listed) << path;
  const Answer other = client.get("/v1/models/G1%FF%22");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(error_of(other)["param"], "model");
}

TEST(Answers, CompletionCarriesTextReasonAndUsage) {
  Harness harness;
  Client client = harness.client();
  const json::value answer =
      json::parse(client.post("/v1/completions", R"({"prompt":"once","model":"any"})").body);
  EXPECT_TRUE(answer.at("id").as_string().starts_with("cmpl-"));
  EXPECT_EQ(answer.at("object"), "text_completion");
  EXPECT_EQ(answer.at("model"), "fake-rwkv");
  const json::value choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("text").as_string(), fake_text("once", 0, 16));  // OpenAI's default
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("index"), 0);
  EXPECT_EQ(answer.at("usage"),
            json::parse(R"({"prompt_tokens":4,"completion_tokens":16,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":0}})"));

  const json::value said = json::parse(client.post("/v1/completions", R"({"prompt":"say one two"})").body);
  EXPECT_EQ(said.at("choices").at(0).at("text"), "one two");
  EXPECT_EQ(said.at("choices").at(0).at("finish_reason"), "stop");
}

TEST(Answers, PromptsTimesChoicesAreNumberedPromptMajor) {
  Harness harness;
  Client client = harness.client();
  const json::value answer = json::parse(
      client.post("/v1/completions", R"({"prompt":["ab","cde"],"n":3,"seed":7,"max_tokens":5,"echo":true})")
          .body);
  const json::array& choices = answer.at("choices").as_array();
  ASSERT_EQ(choices.size(), 6u);
  for (size_t i = 0; i < 6; ++i) {
    const std::string prompt = i < 3 ? "ab" : "cde";
    EXPECT_EQ(choices[i].at("index"), i);
    EXPECT_EQ(choices[i].at("text").as_string(), prompt + fake_text(prompt, 7 + i % 3, 5));
  }
  // A prompt is counted once, however often it is continued.
  EXPECT_EQ(answer.at("usage"),
            json::parse(R"({"prompt_tokens":5,"completion_tokens":30,"total_tokens":35,"prompt_tokens_details":{"cached_tokens":0}})"));
}

TEST(Answers, TokenPromptsAreAccepted) {
  Harness harness;
  Client client = harness.client();
  const auto text = [&](const char* body, size_t at) {
    return json::parse(client.post("/v1/completions", body).body).at("choices").at(at).at("text").as_string();
  };
  EXPECT_EQ(text(R"({"prompt":[104,105],"max_tokens":3})", 0), fake_text("hi", 0, 3));
  EXPECT_EQ(text(R"({"prompt":[[104,105],[111]],"max_tokens":3})", 1), fake_text("o", 0, 3));
  // An echo of half a character must not break the JSON.
  EXPECT_EQ(text(R"({"prompt":[195],"max_tokens":1,"echo":true})", 0),
            "\xef\xbf\xbd" + fake_text("\xc3", 0, 1));
}

TEST(Answers, ChatJoinsPartsAndTakesTheNewerLimit) {
  Harness harness;
  Client client = harness.client();
  const json::value answer = json::parse(
      client
          .post(
              "/v1/chat/completions",
              R"({"messages":[{"role":"developer","content":"be"},{"role":"user","content":[{"type":"text","text":"a"},
                      {"type":"text","text":"b"}]}],"max_completion_tokens":4,"max_tokens":9})")
          .body);
  EXPECT_TRUE(answer.at("id").as_string().starts_with("chatcmpl-"));
  EXPECT_EQ(answer.at("object"), "chat.completion");
  const json::value choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("role"), "assistant");
  EXPECT_EQ(choice.at("message").at("content").as_string(), fake_text("developer: be\nuser: ab\n", 0, 4));
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 4);
}

TEST(Answers, EveryFieldReachesTheEngine) {
  Harness harness;
  Client client = harness.client();
  const Answer answer = client.post(
      "/v1/chat/completions",
      R"({"messages":[{"role":"user","content":"a"}],"max_tokens":3,"temperature":0.5,"top_p":0.25,"top_k":40,"min_p":0.125,
          "presence_penalty":0.5,"frequency_penalty":-0.5,"penalty_decay":0.75,"logit_bias":{"5":-100,"6":2.5},"seed":-2,
          "stop":["x","y"],"stop_token_ids":[0,261],"ignore_eos":true,"enable_think":true,"unknown":{"a":[1]},"user":null,
          "logprobs":false,"tools":[],"response_format":{"type":"text"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Request request = harness.engine.last_request();
  const Sampling& sampling = request.sampling;
  EXPECT_EQ(request.max_tokens, 3u);
  EXPECT_EQ(sampling.temperature, 0.5f);
  EXPECT_EQ(sampling.top_p, 0.25f);
  EXPECT_EQ(sampling.top_k, 40);
  EXPECT_EQ(sampling.min_p, 0.125f);
  EXPECT_EQ(sampling.presence_penalty, 0.5f);
  EXPECT_EQ(sampling.frequency_penalty, -0.5f);
  EXPECT_EQ(sampling.penalty_decay, 0.75f);
  EXPECT_EQ(sampling.logit_bias, (std::vector<std::pair<Token, float>>{{5, -100.0f}, {6, 2.5f}}));
  EXPECT_EQ(sampling.seed, ~uint64_t{1});
  EXPECT_EQ(request.stop, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(request.stop_tokens, (std::vector<Token>{0, 261}));
  EXPECT_TRUE(request.ignore_eos);
  EXPECT_EQ(harness.engine.last_input().chat.think, Think::open);
  const auto think_of = [&](const char* field) {
    client.post("/v1/chat/completions",
                std::string(R"({"messages":[{"role":"user","content":"a"}],"max_tokens":1,)") + field + "}");
    return harness.engine.last_input().chat.think;
  };
  EXPECT_EQ(think_of(R"("enable_think":false)"), Think::fake);
  EXPECT_EQ(think_of(R"("enable_think":null)"), Think::standard);
  EXPECT_EQ(think_of(R"("reasoning_effort":"high")"), Think::open);
  EXPECT_EQ(think_of(R"("reasoning_effort":"none")"), Think::fake);
  EXPECT_EQ(think_of(R"("enable_thinking":false)"), Think::fake);
  EXPECT_EQ(think_of(R"("chat_template_kwargs":{"enable_thinking":true})"), Think::open);
  EXPECT_EQ(think_of(R"("chat_template_kwargs":{"enable_thinking":true},"enable_think":false)"), Think::fake);
  EXPECT_EQ(think_of(R"("chat_template_kwargs":{"enable_thinking":false})"), Think::fake);
  EXPECT_TRUE(harness.engine.last_request().stop.empty());  // the engine knows the template's stops
}

// Speakers' names (RWKV-Runner), a turn that goes on (vLLM) and a history with tools, as clients replay it.
TEST(Answers, EverythingOfAConversationReachesTheTemplate) {
  Harness harness;
  Client client = harness.client();
  const auto input = [&](const std::string& messages, const std::string& more) {
    const Answer answer =
        client.post("/v1/chat/completions", R"({"max_tokens":1,"messages":)" + messages + more + "}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return harness.engine.last_input();
  };
  const std::string user = R"({"role":"user","content":"a","name":"Bob"})";
  const TemplateOptions named =
      input('[' + user + ']',
            R"(,"user_name":"Bob","assistant_name":"Alice","system_name":"Stage","presystem":true)")
          .chat;
  EXPECT_EQ(named.user_name, "Bob");
  EXPECT_EQ(named.assistant_name, "Alice");
  EXPECT_EQ(named.system_name, "Stage");
  EXPECT_TRUE(named.presystem);
  EXPECT_EQ(named.continue_final_message, std::nullopt);

  const std::string open = '[' + user + R"(,{"role":"assistant","content":"The capital of"}])";
  for (const char* more : {R"(,"add_generation_prompt":false)",
                           R"(,"continue_final_message":true,"add_generation_prompt":false)",
                           R"(,"continue_final_message":true)"}) {
    const PromptInput went_on = input(open, more);
    EXPECT_EQ(went_on.messages.back().content, "The capital of");
    EXPECT_NE(went_on.chat.continue_final_message, std::optional<bool>(false));
  }
  EXPECT_EQ(input(open, R"(,"continue_final_message":false)").chat.continue_final_message,
            std::optional<bool>(false));
  EXPECT_EQ(client
                .post("/v1/chat/completions",
                      R"({"messages":)" + open +
                          R"(,"continue_final_message":false,"add_generation_prompt":false})")
                .status,
            400);

  const std::vector<ChatMessage> tools =
      input('[' + user +
                R"(,{"role":"assistant","content":null,"refusal":null,"function_call":null,"tool_calls":[
                     {"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
                     {"id":"2","type":"function","function":{"name":"g","arguments":{"y":[2]}}},
                     {"function":{"name":"h","arguments":null}}]},
                   {"role":"tool","tool_call_id":"1","content":"3"},{"role":"tool","tool_call_id":"2","content":null}])",
            "")
          .messages;
  ASSERT_EQ(tools.size(), 4u);
  ASSERT_EQ(tools[1].tool_calls.size(), 3u);
  EXPECT_EQ(tools[1].content, "");
  EXPECT_EQ(tools[1].tool_calls[0].name, "f");
  EXPECT_EQ(tools[1].tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(tools[1].tool_calls[1].arguments, R"({"y":[2]})");
  EXPECT_EQ(tools[1].tool_calls[2].arguments, "");
  EXPECT_EQ(tools[2].content, "3");
}

// A parser makes numbers binary, and a printer writes others.
TEST(Answers, ArgumentsKeepTheirNumbers) {
  Harness harness;
  Client client = harness.client();
  const std::string tail = R"(","tool_calls":[{"function":{"name":"f"}},{"function":{"name":"g","arguments":)";
  const auto arguments = [&](const std::string& written) {
    const Answer answer = client.post("/v1/chat/completions",
                                      "\xEF\xBB\xBF{\"max_tokens\":1,\"messages\":[1], \"messages\" : [ "
                                      R"({"role":"user","content":"[\"]}"}, {"role":"assistant","content":")" +
                                          tail + written + "}}]}]}");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return harness.engine.last_input().messages.at(1).tool_calls.at(1).arguments;
  };
  EXPECT_EQ(arguments(R"({ "lat" : 1.5, "n":[12345678901234567890123 , 1e2,-0.10],
                           "s":"Z\u00fcrich \" 1.50", "o":{"t":true,"x": null} })"),
            R"({"lat":1.5,"n":[12345678901234567890123,1e2,-0.10],"s":"Zürich \" 1.50","o":{"t":true,"x":null}})");
  EXPECT_EQ(arguments(R"({"a":"\ud83d","\u0061":1.0})"), "{\"a\":\"\xEF\xBF\xBD\",\"a\":1.0}");
  EXPECT_EQ(arguments(R"("{\"lat\": 1.50}")"), R"({"lat": 1.50})");
}

TEST(Answers, StopStringEndsTheText) {
  Harness harness;
  Client client = harness.client();
  const json::value answer =
      json::parse(client.post("/v1/completions", R"({"prompt":"say ab cd#ef gh","stop":"#"})").body);
  EXPECT_EQ(answer.at("choices").at(0).at("text"), "ab cd");
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop");
}

TEST(Answers, FailureOfTheDeviceIsUnavailable) {
  FakeOptions options;
  options.fail_with = "the driver reset the device";
  Harness harness(options);
  Client client = harness.client();
  const Answer answer = client.post("/v1/completions", R"({"prompt":"a","n":4})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(error_of(answer)["message"], "the driver reset the device");
  EXPECT_TRUE(eventually([&] { return harness.idle(); }));
}

// That it takes all of a request or nothing is the engine's affair: tests/engine/request_test.cpp.
TEST(Answers, AFullQueueIsToldSoBeforeAnythingElse) {
  FakeOptions options;
  options.slots = 1;
  options.queue = 4;
  options.step = std::chrono::milliseconds(1);
  Harness harness(options);
  Client client = harness.client(), live = harness.client(), waiting = harness.client();
  const auto request = [](int n, const char* stream) {
    return fmt::format(R"({{"prompt":"b","n":{},"max_tokens":1000000,"stream":{}}})", n, stream);
  };
  live.send("POST", "/v1/completions", request(1, "true"));
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1; }));
  waiting.send("POST", "/v1/completions", request(1, "true"));
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().queued == 1; }));
  for (const char* stream : {"false", "true"}) {
    const Answer full = client.post("/v1/completions", request(4, stream));
    EXPECT_EQ(full.status, 429);
    EXPECT_EQ(full.headers.count("retry-after"), 1u);
    EXPECT_EQ(error_of(full)["code"], "queue_full");
    // Coming again would not help.
    const Answer never = client.post("/v1/completions", request(5, stream));
    EXPECT_EQ(never.status, 400);
    EXPECT_EQ(never.headers.count("retry-after"), 0u);
    EXPECT_EQ(error_of(never)["param"], "n");
  }
  for (Client* gone : {&live, &waiting}) gone->close();
  ASSERT_TRUE(eventually([&] { return harness.idle(); }));
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"b","n":4,"max_tokens":1})").status, 200);
}

// PHP writes an empty map as [], Lua an empty list as {}.
TEST(Answers, EmptyIsAbsentInAReplayedConversation) {
  Harness harness;
  Client client = harness.client();
  for (const char* empty : {"null", R"("")", "[]", "{}"}) {
    const Answer answer = client.post(
        "/v1/chat/completions", std::string(R"({"max_tokens":1,"messages":[{"role":"user","content":"a"},)") +
                                    R"({"role":"assistant","content":)" + empty +
                                    R"(,"tool_calls":[{"function":{"name":"f","arguments":)" + empty +
                                    R"(}}]},{"role":"tool","content":)" + empty + "}]}");
    ASSERT_EQ(answer.status, 200) << empty << answer.body;
    const auto messages = harness.engine.last_input().messages;
    EXPECT_EQ(messages[1].content, "");
    EXPECT_EQ(messages[1].tool_calls[0].arguments, "");
    EXPECT_EQ(messages[2].content, "");
  }
}

}  // namespace
}  // namespace fulmar::test
