// Whatever is wrong with a request, the client gets the right status and an error object that names the
// field.
#include <fmt/format.h>

#include "server/harness.h"

namespace fulmar::test {
namespace {

struct Case {
  std::string path, body, param;
  int status = 400;
};

std::vector<Case> wrong_fields() {
  std::vector<Case> cases;
  const auto both = [&](std::string field, std::string value, int status = 400, std::string param = {}) {
    if (param.empty()) param = field;
    const std::string tail = fmt::format(R"("{}":{}}})", field, value);
    cases.push_back({"/v1/completions", R"({"prompt":"a",)" + tail, param, status});
    cases.push_back(
        {"/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}],)" + tail, param, status});
  };
  const auto complete = [&](std::string body, std::string param) {
    cases.push_back({"/v1/completions", std::move(body), std::move(param)});
  };
  const auto chat = [&](std::string messages, std::string param) {
    cases.push_back(
        {"/v1/chat/completions", fmt::format(R"({{"messages":{}}})", messages), std::move(param)});
  };
  // What single values mean is field_values_test.cpp's; here is what is wrong inside of them.
  for (const char* value : {"[1]", "[[\"a\"]]", "[\"a\",{}]"}) both("stop", value);
  for (const char* value : {"[-1]", "[65536]", "[1.5]", "[\"1\"]", "[null]"}) both("stop_token_ids", value);
  for (const char* value :
       {"{\"-1\":1}", "{\"65536\":1}", "{\"1\":\"1\"}", "{\"1\":101}", "{\"1 \":1}", "{\"\":1}"})
    both("logit_bias", value);
  both("stream\":true,\"stream_options", "{\"include_usage\":1}", 400, "stream_options.include_usage");
  both("tool_choice", "\"required\"");  // of no tools
  both("modalities", R"(["text","audio"])");
  both("response_format", R"({"type":"grammar"})", 400, "response_format.type");
  both("response_format", R"({"type":"json_schema","json_schema":{"name":"a"}})", 400, "response_format.json_schema.schema");
  both("response_format", R"({"type":"json_schema","json_schema":{"schema":1}})", 400, "response_format.json_schema.schema");
  both("structured_outputs", R"({"structural_tag":"a"})", 400, "structured_outputs.structural_tag");
  both("guided_regex\":\"a\",\"guided_choice", R"(["a"])", 400, "guided_choice");
  both("response_format\":{\"type\":\"json_object\"},\"grammar", R"("root ::= \"a\"")", 400, "grammar");
  both("structured_outputs", R"({"regex":"a","choice":["b"]})", 400, "structured_outputs.choice");

  for (const char* value : {"[\"a\",1]", "[[]]", "[1,\"a\"]", "[1.5]", "[-1]", "[65536]", "[[1],\"a\"]",
                            "[null]", "[[[1]]]", "[{}]"})
    complete(fmt::format(R"({{"prompt":{}}})", value), "prompt");
  complete("{}", "prompt");
  complete(R"({"prompt":"a","n":3,"best_of":2})", "best_of");
  complete(
      fmt::format(R"({{"n":128,"prompt":[{}"a"]}})", fmt::join(std::vector<std::string>(9, "\"a\","), "")),
      "n");
  for (const char* value : {"1", "\"a\"", "[]", "null"}) chat(fmt::format("[{}]", value), "messages[0]");
  for (const char* value :
       {R"({"role":1,"content":"a"})", R"({"role":"oracle","content":"a"})", R"({"content":"a"})"})
    chat(fmt::format("[{}]", value), "messages[0].role");
  for (const char* value :
       {"null", "1", "{}", "[1]", R"([{"type":"image_url","image_url":{}}])", R"([{"type":"text"}])"})
    chat(fmt::format(R"([{{"role":"user","content":"a"}},{{"role":"user","content":{}}}])", value),
         "messages[1].content");
  for (const char* value : {"[{}]", R"([{"function":null}])"})
    chat(fmt::format(R"([{{"role":"assistant","tool_calls":{}}}])", value), "messages[0].tool_calls");
  for (const char* value : {"{}", R"({"arguments":"{}"})"})
    chat(fmt::format(R"([{{"role":"assistant","tool_calls":[{{"function":{}}}]}}])", value),
         std::string_view(value) == "{}" ? "messages[0].tool_calls" : "messages[0].tool_calls.function.name");
  for (const char* value : {"[1]", R"("notjson")", R"("[1]")", R"("{} {}")"})
    chat(fmt::format(R"([{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":{}}}}}]}}])", value),
         "messages[0].tool_calls.function.arguments");
  return cases;
}

TEST(BadRequests, EveryWrongFieldIsNamed) {
  Harness harness;
  Client client = harness.client();  // one connection: none of these may break it
  for (const Case& wrong : wrong_fields()) {
    const Answer answer = client.post(wrong.path, wrong.body);
    EXPECT_EQ(answer.status, wrong.status) << wrong.path << " " << wrong.body << "\n" << answer.body;
    EXPECT_EQ(error_of(answer)["param"], json::value(wrong.param)) << wrong.body << "\n" << answer.body;
  }
  EXPECT_TRUE(harness.idle());
  EXPECT_EQ(harness.engine.stats().steps, 0u);
}

TEST(BadRequests, BrokenJsonIsRefused) {
  Harness harness;
  Client client = harness.client();
  const std::string deep(200'000, '[');
  for (const std::string& body :
       {std::string("{"), std::string("nonsense"), std::string("[]"), std::string("1"), std::string("\"a\""),
        std::string("null"), std::string(R"({"prompt":"a"}x)"), std::string(R"({"prompt":"a",})"),
        std::string(R"({"prompt":"a","temperature":NaN})"), std::string(R"({'prompt':'a'})"),
        std::string("{\"prompt\":\"\xff\xfe\"}"), std::string("{\"prompt\":\"\xc3\"}"),
        std::string("{\"prompt\":\"a\nb\"}"), std::string(1, '\0'), "{\"prompt\":" + deep,
        "{\"x\":" + deep + std::string(deep.size(), ']') + "}"}) {
    const Answer answer = client.post("/v1/completions", body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 80);
    error_of(answer);
  }
  const Answer empty = client.post("/v1/completions", "");
  EXPECT_EQ(empty.status, 400);
  error_of(empty);
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"a"})").status, 200);
}

// Where a family has all paths that begin so, also those that it lacks.
TEST(BadRequests, AnUnknownPathIsToldInTheWordsOfItsNeighbours) {
  Harness harness;
  Client client = harness.client();
  const auto said = [&](const char* path) {
    const Answer answer = client.get(path);
    EXPECT_EQ(answer.status, 404) << path;
    return json::parse(answer.body);
  };
  EXPECT_TRUE(said("/api/blobs/sha256:1").at("error").is_string());
  EXPECT_EQ(said("/api/oai/v1/audio").at("error").at("code"), 404);
  EXPECT_EQ(said("/v1/messages/batches").at("error").at("type"), "not_found_error");
  EXPECT_EQ(said("/v1/messages/batches").at("type"), "error");
  EXPECT_TRUE(said("/openai/v1/files").at("error").is_string());
  EXPECT_EQ(said("/v1/audio/speech").at("error").at("type"), "invalid_request_error");
}

TEST(BadRequests, UnknownPathsAndMethodsAreToldApart) {
  Harness harness;
  Client client = harness.client();
  for (const char* path :
       {"/v1", "/v1/completions/x", "/v2/models", "/v1/v1/models"}) {
    const Answer answer = client.get(path);
    EXPECT_EQ(answer.status, 404) << path;
    const json::object error = error_of(answer);
    EXPECT_NE(std::string(error.at("message").as_string()).find("http://test/v1"), std::string::npos) << path;
  }
  EXPECT_EQ(client.get("/v1/models/other").status, 404);
  client.send("BREW", "/health");
  EXPECT_EQ(client.receive().status, 501);
  const Answer get = client.get("/v1/completions");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.at("allow"), "POST, OPTIONS");
  error_of(get);
  for (const char* method : {"PATCH", "QUERY"}) {
    client.send(method, "/health");
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, OPTIONS");
  }
  // A body that will not be read ends the connection, after the answer.
  const Answer post = client.post("/health", "{}");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.headers.at("connection"), "close");
}

TEST(BadRequests, NothingButHealthIsOpenWithoutThePassword) {
  http::ServerOptions options;
  options.password = "sesame";
  Harness harness({}, options);
  for (const char* header :
       {"", "Authorization: Bearer wrong!\r\n", "Authorization: Bearer sesam\r\n",
        "Authorization: Bearer sesamesesame\r\n", "Authorization: Basic sesame\r\n",
        "Authorization: sesame\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n"}) {
    for (const char* path : {"/v1/models", "/v1/completions", "/nowhere"}) {
      Client client = harness.client();
      client.send("GET", path, {}, header);
      const Answer answer = client.receive();
      EXPECT_EQ(answer.status, 401) << header << path;
      EXPECT_EQ(answer.headers.at("www-authenticate"), "Bearer");
      EXPECT_EQ(error_of(answer)["code"], "invalid_api_key");
    }
    Client client = harness.client();
    client.send("POST", "/v1/completions", R"({"prompt":"a"})", header);
    EXPECT_EQ(client.receive().status, 401);
  }
  Client client = harness.client();
  EXPECT_EQ(client.get("/health").status, 200);
  client.send("GET", "/v1/models", {}, "authorization: bearer sesame\r\n");
  EXPECT_EQ(client.receive().status, 200);
  client.send("OPTIONS", "/v1/completions");
  EXPECT_EQ(client.receive().status, 204);
}

}  // namespace
}  // namespace fulmar::test
