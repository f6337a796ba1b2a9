// Ollama's endpoints over HTTP: what its clients send, and errors in their own shape.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "base/fail.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string refused(const Answer& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.body;
  boost::system::error_code bad;
  const json::value value = json::parse(answer.body, bad);
  EXPECT_FALSE(bad) << answer.body;
  if (bad || value.as_object().size() != 1 || !value.at("error").is_string()) {
    ADD_FAILURE() << answer.body;
    return {};
  }
  return std::string(value.at("error").as_string());
}

std::vector<json::value> lines_of(const Answer& answer) {
  std::vector<json::value> lines;
  for (size_t begin = 0, end; (end = answer.body.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(json::parse(answer.body.substr(begin, end - begin)));
  return lines;
}

json::value asked(const Harness& harness, const char* path, const std::string& body) {
  const Answer answer = harness.client().post(path, body);
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body);
}

TEST(Ollama, AChatIsAStreamUnlessTheClientSaysNo) {
  FakeOptions fake;
  fake.script = {">", "Well", "</think>", "\n", "Good", " morning"};
  Harness harness(fake);
  const std::string begin = R"({"model":"fake-rwkv:latest","think":true,"messages":[{"role":"user","content":"Hi"}])";
  const Answer answer = harness.client().post("/api/chat", begin + "}");
  EXPECT_EQ(answer.headers.at("content-type"), "application/x-ndjson");
  std::string thought, text;
  const std::vector<json::value> lines = lines_of(answer);
  for (const json::value& line : lines) {
    EXPECT_EQ(line.at("model"), "fake-rwkv:latest");
    const json::object& message = line.at("message").as_object();
    text += message.at("content").as_string();
    if (const json::value* more = message.if_contains("thinking")) thought += more->as_string();
    EXPECT_EQ(line.at("done").as_bool(), &line == &lines.back());
  }
  EXPECT_EQ(thought, "Well");
  EXPECT_EQ(text, "Good morning");
  EXPECT_EQ(lines.back().at("done_reason"), "stop");
  EXPECT_EQ(lines.back().at("eval_count"), 6);
  const json::value whole = asked(harness, "/api/chat", begin + R"(,"stream":false})");
  EXPECT_EQ(whole.at("message").at("content"), "Good morning");
  EXPECT_EQ(whole.at("message").at("thinking"), "Well");
  EXPECT_EQ(whole.at("done"), true);
}

TEST(Ollama, OptionsAreRead) {
  Harness harness;
  asked(harness, "/api/chat", R"({"stream":false,"messages":[{"role":"user","content":"Hi"}],"think":"low","options":{"temperature":0.5,"top_k":7,
    "top_p":0.25,"min_p":0.125,"repeat_penalty":1.5,"repeat_last_n":9,"seed":3,"num_predict":5,"stop":["a","b"],"num_ctx":4096,"num_gpu":1}})");
  const Request request = harness.engine.last_request();
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_k, 7);
  EXPECT_EQ(request.sampling.top_p, 0.25f);
  EXPECT_EQ(request.sampling.min_p, 0.125f);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(request.sampling.repetition_window, 9);
  EXPECT_EQ(request.sampling.seed, 3u);
  EXPECT_EQ(request.max_tokens, 5u);
  EXPECT_THAT(request.stop, testing::ElementsAre("a", "b"));
  EXPECT_EQ(harness.engine.last_input().chat.word, ThinkWord::a_bit);
}

TEST(Ollama, ATextIsAskedForThroughTheTemplateOrAsItIs) {
  Harness harness;
  asked(harness, "/api/generate", R"({"prompt":"Hi","system":"Be brief.","stream":false,"think":false,"options":{"num_predict":2}})");
  PromptInput input = harness.engine.last_input();
  ASSERT_EQ(input.messages.size(), 2u);
  EXPECT_EQ(input.messages[0].role + input.messages[1].content, "systemHi");
  EXPECT_EQ(input.chat.thinking_budget, 0u);
  const json::value raw = asked(harness, "/api/generate", R"({"prompt":"say one two","raw":true,"stream":false})");
  input = harness.engine.last_input();
  EXPECT_TRUE(input.messages.empty());
  EXPECT_EQ(raw.at("response"), "one two");
  EXPECT_FALSE(raw.as_object().contains("context"));
  asked(harness, "/api/generate", R"({"prompt":"def f(","suffix":"return x","stream":false})");
  EXPECT_EQ(harness.engine.last_input().text, "✿prefix✿✿suffix✿return x✿middle✿def f(");
}

TEST(Ollama, AConversationGoesOnFromItsContext) {
  Harness harness;
  const json::value first = asked(harness, "/api/generate", R"({"prompt":"Hi","stream":false,"options":{"num_predict":3}})");
  const json::array& context = first.at("context").as_array();
  EXPECT_GE(context.size(), std::string("user: Hi\n").size());
  const json::value body = {{"prompt", "And?"}, {"stream", false}, {"context", context}, {"options", {{"num_predict", 1}}}};
  const json::value second = asked(harness, "/api/generate", json::serialize(body));
  const PromptInput input = harness.engine.last_input();
  EXPECT_TRUE(input.chat.continues);
  EXPECT_EQ(input.tokens.size(), context.size());
  EXPECT_EQ(second.at("prompt_eval_count"), context.size() + std::string("user: And?\n").size());
}

TEST(Ollama, CallsAndOutputsOfToolsAreTurns) {
  Harness harness;
  asked(harness, "/api/chat", R"({"stream":false,"options":{"num_predict":1},"messages":[{"role":"user","content":"Hi"},
    {"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"look","arguments":{"at":1.50}}}]},
    {"role":"tool","content":"20","tool_name":"look"}],
    "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"at":{"type":"number"}}}}}]})");
  ASSERT_EQ(harness.engine.last_input().chat.tools.size(), 1u);
  EXPECT_EQ(harness.engine.last_input().chat.tools[0].name, "look");
  const std::vector<ChatMessage> turns = harness.engine.last_input().messages;
  ASSERT_EQ(turns.size(), 3u);
  ASSERT_EQ(turns[1].tool_calls.size(), 1u);
  EXPECT_EQ(turns[1].tool_calls[0].name + turns[1].tool_calls[0].arguments, R"(look{"at":1.50})");
  EXPECT_EQ(turns[2].role + turns[2].content, "tool20");
}

TEST(Ollama, VectorsOfTexts) {
  Harness harness;
  const json::value many = asked(harness, "/api/embed", R"({"model":"fake-rwkv","input":["a","bc"]})");
  ASSERT_EQ(many.at("embeddings").as_array().size(), 2u);
  EXPECT_EQ(many.at("embeddings").at(1).at(2).to_number<double>(), 2);
  EXPECT_EQ(many.at("prompt_eval_count"), 3);
  EXPECT_EQ(asked(harness, "/api/embed", R"({"input":"a"})").at("embeddings").as_array().size(), 1u);
  EXPECT_TRUE(asked(harness, "/api/embed", R"({"input":""})").at("embeddings").as_array().empty());
  EXPECT_EQ(asked(harness, "/api/embeddings", R"({"prompt":"abc"})").at("embedding").at(2).to_number<double>(), 3);
}

TEST(Ollama, AnEmptyPromptOnlyLoads) {
  Harness harness;
  const json::value chat = asked(harness, "/api/chat", R"({"model":"fake-rwkv","messages":[]})");
  EXPECT_EQ(chat.at("done_reason"), "load");
  EXPECT_EQ(chat.at("message").at("content"), "");
  EXPECT_EQ(asked(harness, "/api/generate", R"({"model":"fake-rwkv","keep_alive":"5m"})").at("response"), "");
  // Nothing could take its place here, so it stays, and clients that unload what they used go on.
  EXPECT_EQ(asked(harness, "/api/generate", R"({"model":"fake-rwkv","keep_alive":0})").at("done_reason"), "load");
  EXPECT_EQ(harness.engine.stats().steps, 0u);
}

TEST(Ollama, ScoresAreAskedForWithTheirNumber) {
  Harness harness;
  asked(harness, "/api/chat", R"({"stream":false,"messages":[{"role":"user","content":"Hi"}],"logprobs":true,"top_logprobs":3})");
  EXPECT_EQ(harness.engine.last_request().report.logprobs, 3);
  asked(harness, "/api/generate", R"({"stream":false,"prompt":"Hi","logprobs":true})");
  EXPECT_EQ(harness.engine.last_request().report.logprobs, 0);
  asked(harness, "/api/generate", R"({"stream":false,"prompt":"Hi"})");
  EXPECT_FALSE(harness.engine.last_request().report.logprobs);
}

TEST(Ollama, ModelsAreDescribed) {
  Harness harness;
  Client client = harness.client();
  const json::value tags = json::parse(client.get("/api/tags").body);
  EXPECT_EQ(tags.at("models").at(0).at("name"), "fake-rwkv:latest");
  EXPECT_EQ(tags.at("models").at(0).at("digest").as_string().size(), 64u);
  EXPECT_EQ(json::parse(client.get("/api/ps").body).at("models").at(0).at("details").at("family"), "rwkv7");
  EXPECT_EQ(asked(harness, "/api/show", R"({"model":"fake-rwkv"})").at("model_info").at("general.architecture"), "rwkv7");
  EXPECT_TRUE(json::parse(client.get("/api/version").body).at("version").is_string());
}

TEST(Ollama, WhatIsWrongIsSaidInItsOwnShape) {
  Harness harness;
  struct Case {
    const char *path, *body, *sentence;
  };
  for (const Case& one : {
           Case{"/api/chat", "nonsense", "JSON"},
           Case{"/api/chat", R"({"messages":[{"role":"judge","content":"Hi"}]})", "messages[0].role"},
           Case{"/api/chat", R"({"messages":["Hi"]})", "messages[0] must be an object"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi","images":["a"]}]})", "images"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi"}],"think":"deep"})", "think"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi"}],"keep_alive":"soon"})", "keep_alive"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi"}],"options":{"temperature":-1}})", "options.temperature"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi"}],"options":{"mirostat":1}})", "mirostat"},
           Case{"/api/chat", R"({"messages":[{"role":"user","content":"Hi"}],"options":{"n":2}})", "n is not supported"},
           Case{"/api/generate", R"({"prompt":"Hi","template":"x"})", "template"},
           Case{"/api/generate", R"({"prompt":"Hi","images":["x"]})", "images"},
           Case{"/api/generate", R"({"prompt":"Hi","context":[70000]})", "context"},
           Case{"/api/generate", R"({"prompt":"Hi","raw":true,"system":"x"})", "raw"},
           Case{"/api/generate", R"({"prompt":"Hi","top_logprobs":2})", "top_logprobs"},
           Case{"/api/generate", R"({"prompt":"Hi","logprobs":true,"top_logprobs":21})", "top_logprobs"},
           Case{"/api/embed", R"({"input":["a",""]})", "input[1]"},
           Case{"/api/pull", R"({"model":"llama3"})", "--models-dir"},
           // As OpenAI's clients write it.
           Case{"/api/chat", R"({"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})", "messages[0].content"},
           Case{"/api/generate", R"({"prompt":["a","b"]})", "prompt"},
       })
    EXPECT_THAT(refused(harness.client().post(one.path, one.body), 400), HasSubstr(one.sentence)) << one.body;
  refused(harness.client().post("/api/show", R"({"model":7})"), 400);
  Client client = harness.client();
  client.send("DELETE", "/api/delete", R"({"model":"a"})");
  EXPECT_THAT(refused(client.receive(), 400), HasSubstr("--models-dir"));
}

// With a folder of models, which come and go.
struct Folder {
  Folder() {
    set_log_level("off");
    root = fs::temp_directory_path() / fmt::format("ollama_test_{}", static_cast<const void*>(this));
    fs::create_directories(root);
    for (const char* name : {"a.pth", "b.pth"}) std::ofstream(root / name) << "x";
    host::HostOptions options;
    options.folders = {root.string(), {}};
    options.make = [](const EngineOptions& wanted) -> std::unique_ptr<Engine> {
      std::this_thread::sleep_for(loading);
      FakeOptions fake;
      fake.id = wanted.model.name;
      return std::make_unique<FakeEngine>(fake);
    };
    options.fits = [](const EngineOptions&) { return true; };
    host = std::make_unique<host::Host>(options);
    context.host = host.get();
    http::ServerOptions http;
    http.port = 0;
    server = std::make_unique<http::Server>(http, api::make_router(context));
    server->start();
  }
  ~Folder() {
    server->stop();
    host->end();
    fs::remove_all(root);
  }

  json::value post(const std::string& body, const char* path = "/api/generate") const {
    const Answer answer = Client(server->port()).post(path, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body);
  }
  std::vector<std::string> loaded() const {
    std::vector<std::string> names;
    const json::value told = json::parse(Client(server->port()).get("/api/ps").body);
    for (const json::value& model : told.at("models").as_array()) names.emplace_back(model.at("name").as_string());
    return names;
  }

  static constexpr std::chrono::milliseconds loading{5};
  fs::path root;
  api::Context context;
  std::unique_ptr<host::Host> host;
  std::unique_ptr<http::Server> server;
};

TEST(OllamaFolder, AModelStaysAsLongAsItIsKept) {
  Folder folder;
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_EQ(folder.post(R"({"model":"a:latest"})").at("done_reason"), "load");
  EXPECT_THAT(folder.loaded(), ElementsAre("a:latest"));
  EXPECT_EQ(folder.post(R"({"model":"a","prompt":"say this","raw":true,"stream":false})").at("response"), "this");
  EXPECT_THAT(folder.loaded(), ElementsAre("a:latest"));
  folder.post(R"({"model":"a","prompt":"say this","raw":true,"stream":false,"keep_alive":0})");
  EXPECT_TRUE(eventually([&] { return folder.loaded().empty(); }));
  folder.post(R"({"model":"b","keep_alive":"40ms"})");
  EXPECT_TRUE(eventually([&] { return folder.loaded().empty(); }));
  folder.post(R"({"model":"b","keep_alive":-1})");
  EXPECT_THAT(folder.loaded(), ElementsAre("b:latest"));
  EXPECT_EQ(folder.post(R"({"model":"b","keep_alive":0})").at("done_reason"), "unload");
  EXPECT_THAT(folder.loaded(), IsEmpty());
  EXPECT_EQ(folder.post(R"({"model":"b","keep_alive":"0s"})").at("done_reason"), "unload");  // nothing is loaded for it
  EXPECT_THAT(folder.loaded(), IsEmpty());
}

TEST(OllamaFolder, WhoWaitsForAModelIsToldSo) {
  Folder folder;
  constexpr int64_t least = std::chrono::nanoseconds(Folder::loading).count();
  EXPECT_GE(folder.post(R"({"model":"a","prompt":"say this","raw":true,"stream":false})").at("total_duration").as_int64(), least);
  EXPECT_GE(folder.post(R"({"model":"b","input":"a"})", "/api/embed").at("load_duration").as_int64(), least);
}

TEST(OllamaFolder, UnknownModelsAreRefused) {
  Folder folder;
  for (const char* path : {"/api/generate", "/api/chat", "/api/show", "/api/embed"})
    EXPECT_THAT(refused(Client(folder.server->port()).post(path, R"({"model":"llama3","prompt":"Hi","input":"Hi","messages":[{"role":"user","content":"Hi"}]})"), 404),
                HasSubstr("llama3"));
  const json::value tags = json::parse(Client(folder.server->port()).get("/api/tags").body);
  EXPECT_EQ(tags.at("models").as_array().size(), 2u);
  EXPECT_EQ(tags.at("models").at(0).at("size"), 1);
}

}  // namespace
}  // namespace fulmar::test
