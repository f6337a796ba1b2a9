// rwkv_lightning's endpoints that make prompts of their own, their numbers, their errors, and who is let in.
#include <boost/json/serialize.hpp>

#include "answer/answer.h"
#include "api/lightning/lightning.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

struct Desk {
  explicit Desk(FakeOptions fake = {}, http::ServerOptions http = {}) : harness(std::move(fake), std::move(http)) {}

  json::value post(const std::string& path, const std::string& body, int status = 200) {
    const Answer answer = harness.client().post(path, body);
    EXPECT_EQ(answer.status, status) << path << body << answer.body;
    boost::system::error_code bad;
    json::value value = json::parse(answer.body, bad);
    EXPECT_FALSE(bad) << answer.body;
    return value;
  }
  // What the last of its prompts was.
  std::string prompt(const std::string& path, const std::string& body) {
    post(path, body);
    return harness.engine.last_input().text;
  }
  std::string error(const std::string& path, const std::string& body, int status) {
    const json::value value = post(path, body, status);
    const json::value* error = value.is_object() ? value.get_object().if_contains("error") : nullptr;
    return error && error->is_string() ? std::string(error->get_string()) : "no error in " + json::serialize(value);
  }

  Harness harness;
};

constexpr const char* v1 = "/v1/chat/completions";
constexpr const char* v2 = "/v2/chat/completions";
constexpr const char* v3 = "/v3/chat/completions";
constexpr const char* fim = "/FIM/v1/batch-FIM";
constexpr const char* translation = "/translate/v1/batch-translate";
constexpr const char* openai = "/openai/v1/chat/completions";

TEST(LightningTemplates, V3IsAChatWithAThoughtOrAnEmptyOne) {
  Desk desk;
  const std::string messages = R"({"messages": [{"role": "user", "content": "Hi"}])";
  EXPECT_EQ(desk.prompt(v3, messages + "}"), "User: Hi\n\nAssistant: <think>\n</think>");
  EXPECT_EQ(desk.prompt(v3, messages + R"(, "enable_think": true})"), "User: Hi\n\nAssistant: <think");
  EXPECT_EQ(desk.prompt(v3, R"({"contents": ["Hi"], "messages": [{"role": "user", "content": "no"}]})"),
            "User: Hi\n\nAssistant: <think>\n</think>");
}

TEST(LightningTemplates, V3AnswersEachOfTheUsersMessages) {
  Desk desk;
  const auto answers = [&](const std::string& messages) {
    const json::value answer = desk.post(v3, R"({"messages": [)" + messages + "]}");
    EXPECT_EQ(answer.at("id"), "rwkv7-batch-v3");
    EXPECT_EQ(answer.at("object"), "chat.completion");
    return answer.at("choices").as_array().size();
  };
  const std::string system = R"({"role": "system", "content": "s"})", user = R"({"role": "user", "content": "u"})";
  EXPECT_EQ(answers(system + "," + user + "," + user), 2u);
  EXPECT_EQ(answers(system + "," + system), 2u) << "all, where no user said anything";
}

TEST(LightningTemplates, TheMiddleIsFilledPairByPair) {
  Desk desk;
  EXPECT_EQ(desk.prompt(fim, R"({"prefix": ["a"], "suffix": ["b"]})"), "✿prefix✿✿suffix✿b✿middle✿a");
  const json::value one = desk.post(fim, R"({"prefix": ["a"], "suffix": ["b"], "model": "m"})");
  EXPECT_EQ(one.at("id"), "rwkv7-batch-v3");
  EXPECT_EQ(one.at("object"), "chat.completion");
  const json::value two = desk.post(fim, R"({"prefix": ["a", "c", "e"], "suffix": ["b", "d"]})");
  EXPECT_EQ(two.at("id"), "rwkv7-batch");
  EXPECT_EQ(two.at("object"), "FIM.completion");
  EXPECT_EQ(two.at("choices").as_array().size(), 2u) << "a prefix without a suffix is dropped";
  desk.post(fim, R"({"prefix": ["a"], "suffix": ["b"], "stop_tokens": [7, "x"]})");
  EXPECT_EQ(desk.harness.engine.last_request().stop_tokens, std::vector<Token>{7});
}

TEST(LightningTemplates, TranslationNamesLanguagesAndTakesTheLikeliestTokens) {
  Desk desk;
  const auto prompt = [&](const std::string& from, const std::string& to) {
    return desk.prompt(translation, fmt::format(R"({{{}"target_lang": "{}", "text_list": ["Hi"]}})",
                                                from.empty() ? "" : R"("source_lang": ")" + from + R"(", )", to));
  };
  EXPECT_EQ(prompt("en", "zh-CN"), "English: Hi\n\nChinese:");
  EXPECT_EQ(prompt("zh-TW", "fr"), "Chinese: Hi\n\nFrench:");
  EXPECT_EQ(prompt("ja", "de"), "Japanese: Hi\n\nGerman:");
  EXPECT_EQ(prompt("es", "ru"), "Spanish: Hi\n\nRussian:");
  EXPECT_EQ(prompt("Klingon", "Latin"), "Klingon: Hi\n\nLatin:");
  EXPECT_EQ(prompt("", "en"), "auto: Hi\n\nEnglish:");
  const Request request = desk.harness.engine.last_request();
  EXPECT_EQ(request.sampling.top_k, 1);
  EXPECT_EQ(request.sampling.presence_penalty, 0);
  EXPECT_EQ(request.max_tokens, 2048u);
  EXPECT_EQ(request.stop, std::vector<std::string>{"\n\nauto:"});
}

TEST(LightningTemplates, TranslationsComeWithoutTheWhiteSpaceAroundThem) {
  FakeOptions fake;
  fake.words = {};
  Desk desk(fake);
  const json::value answer = desk.post(
      translation, R"({"source_lang": "en", "target_lang": "fr", "text_list": ["one", "two"], "stream": true, "placeholders": []})");
  ASSERT_EQ(answer.as_object().size(), 1u);
  for (const json::value& one : answer.at("translations").as_array()) {
    EXPECT_EQ(one.at("detected_source_lang"), "en");
    const std::string text(one.at("text").as_string());
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(text.find_first_not_of(" \n"), 0u) << text;
    EXPECT_NE(text.back(), ' ');
  }
  EXPECT_EQ(answer.at("translations").as_array().size(), 2u);
  EXPECT_EQ(desk.post(translation, R"({"target_lang": "fr", "text_list": ["one"]})").at("translations").at(0).at("detected_source_lang"),
            "en");
  EXPECT_EQ(desk.post(translation, R"({"target_lang": "fr", "text_list": []})"), (json::value{{"translations", json::array()}}));
}

TEST(LightningTemplates, ATranslationThatFailsHasNone) {
  FakeOptions fake;
  fake.fail_with = "the model fell over";
  Desk desk(fake);
  const json::value failed = desk.post(translation, R"({"target_lang": "fr", "text_list": ["one"]})", 503);
  EXPECT_EQ(failed.at("translations"), json::array());
  EXPECT_EQ(failed.at("error"), "the model fell over");
  EXPECT_EQ(desk.error(v2, R"({"contents": ["a"]})", 503), "the model fell over");
}

// A number that a table prints is what is drawn by where the request says nothing.
TEST(LightningTemplates, EveryEndpointDrawsByItsTable) {
  struct Case {
    const char* path;
    const api::FieldTable* table;
    std::string body;
  };
  using namespace api::lightning;
  const std::string contents = R"({"contents": ["say hi"])";
  const Case cases[] = {{v1, &native_fields, contents},
                        {v2, &padded_fields, contents},
                        {v3, &templated_fields, contents},
                        {fim, &middle_fields, R"({"prefix": ["a"], "suffix": ["b"])"},
                        {"/v1/batch/completions", &fast_fields, contents},
                        {"/big_batch/completions", &big_batch_fields, contents}};
  for (const Case& one : cases) {
    Desk desk;
    const auto drawn = [&](const std::string& more) {
      EXPECT_EQ(desk.harness.client().post(one.path, one.body + more + "}").status, 200);
      const Request request = desk.harness.engine.last_request();
      const Sampling& s = request.sampling;
      return fmt::format("{} {} {} {} {} {} {}", s.temperature, s.top_k, s.top_p, s.presence_penalty, s.frequency_penalty,
                         s.penalty_decay, request.max_tokens);
    };
    const std::string without = drawn("");
    for (const api::Field& field : native_fields.fields) {
      const std::string value(one.table->find(field.name)->absent);
      if (value.empty() || value.find_first_not_of("0123456789.") != value.npos) continue;
      EXPECT_EQ(drawn(fmt::format(R"(, "{}": {})", field.name, value)), without) << one.path << field.name;
    }
    const PenaltyRule rule = desk.harness.engine.last_request().sampling.rule;
    EXPECT_EQ(rule == PenaltyRule::batch, one.path == v2);
  }
}

TEST(LightningTemplates, TokensAreCounted) {
  Desk desk;
  const auto count = [&](const std::string& body) { return desk.post("/v1/tokens/count", body).at("tokens").as_int64(); };
  EXPECT_EQ(count(R"({"text": "abc"})"), 3);
  EXPECT_EQ(count(R"({"text": ""})"), 0);
  EXPECT_EQ(count(R"({"contents": ["ab", "", "cde"]})"), 5);
  EXPECT_EQ(count(R"({"messages": [{"role": "user", "content": "Hi"}]})"), int64_t{sizeof("user: Hi\n") - 1});
  EXPECT_EQ(count(R"({"text": "abc", "messages": [{"role": "user", "content": "Hi"}], "contents": ["a"]})"), 3);
  EXPECT_EQ(count(R"({"messages": [{"role": "user", "content": "Hi"}], "contents": ["a"]})"), 9);
  EXPECT_EQ(desk.error("/v1/tokens/count", "{}", 400), "Missing text, messages or contents");
}

TEST(LightningTemplates, TheirOpenAiChatHasASystemAndOneMoreQuestion) {
  Desk desk;
  const auto said = [&](const std::string& body) {
    const json::value answer = desk.post(openai, body);
    EXPECT_TRUE(answer.as_object().contains("usage")) << body;
    std::string roles;
    for (const ChatMessage& message : desk.harness.engine.last_input().messages) roles += message.role + ":" + message.content + " ";
    return roles;
  };
  EXPECT_EQ(said(R"({"messages": [{"role": "user", "content": "Hi"}], "system": "Be brief.", "contents": ["And?"]})"),
            "system:Be brief. user:Hi user:And? ");
  const Request request = desk.harness.engine.last_request();
  EXPECT_EQ(fmt::format("{} {} {} {} {} {}", request.sampling.top_p, request.sampling.top_k, request.sampling.presence_penalty,
                        request.sampling.frequency_penalty, request.sampling.penalty_decay, request.max_tokens),
            "0.6 20 1 0.1 0.996 4096");
  EXPECT_EQ(request.sampling.rule, PenaltyRule::rapid);
  EXPECT_EQ(request.stop, std::vector<std::string>{"\nUser:"});
  EXPECT_EQ(desk.harness.engine.last_input().chat.think, Think::fake);
  EXPECT_EQ(said(R"({"contents": ["And?"], "enable_think": true, "alpha_presence": 3, "stop_tokens": [5]})"), "user:And? ");
  EXPECT_EQ(desk.harness.engine.last_input().chat.think, Think::open);
  EXPECT_EQ(desk.harness.engine.last_request().sampling.presence_penalty, 3);
  EXPECT_EQ(desk.harness.engine.last_request().stop_tokens, std::vector<Token>{5});
  EXPECT_EQ(said(R"({"contents": ["And?"], "system": "s"})"), "system:s user:And? ");
  EXPECT_EQ(desk.error(openai, "{}", 400), "Empty prompt");
  EXPECT_EQ(json::parse(desk.harness.client().get("/openai/v1/models").body).at("data").at(0).at("id"), "fake-rwkv");
}

TEST(LightningErrors, AreTheSentencesThatItsClientsKnow) {
  Desk desk;
  for (const char* path : {v1, v2, v3, "/v1/batch/completions", "/big_batch/completions"})
    EXPECT_EQ(desk.error(path, R"({"contents": []})", 400), "Empty prompts list") << path;
  EXPECT_EQ(desk.error(fim, R"({"prefix": ["a"]})", 400), "Empty prompts list");
  EXPECT_EQ(desk.error(v3, "{}", 400), "Empty prompts list");
  for (const char* path : {v2, v3, fim, translation, openai, "/v1/batch/completions", "/v1/tokens/count", "/v1/server/stop"})
    EXPECT_TRUE(desk.error(path, "{\"contents\": [", 400).starts_with("Invalid JSON: ")) << path;
  EXPECT_EQ(desk.error(translation, R"({"text_list": ["a"]})", 400), "target_lang is missing");
  EXPECT_EQ(desk.error(translation, R"({"target_lang": "en"})", 400), "text_list is missing");
  EXPECT_EQ(desk.error(v3, R"({"messages": [1]})", 400), "messages[0] must be an object");
  EXPECT_EQ(desk.error(v2, R"({"contents": ["a"], "pad_zero": 1})", 400), "pad_zero must be true or false, not an integer");
}

TEST(LightningErrors, ABatchThatIsTooLargeIsToldTheBound) {
  Desk desk;
  std::string texts;
  for (size_t i = 0; i <= api::kChoices; ++i) texts += i ? ",\"a\"" : "\"a\"";
  const auto refused = [&](const char* path, const std::string& body) {
    const json::value told = desk.post(path, body, 400);
    EXPECT_EQ(told, (json::value{{"error", "bsz overflow, Max bsz=1024"}, {"request_bsz", 1025}, {"max_bsz", 1024}})) << path;
  };
  for (const char* path : {v1, v2, v3, "/v1/batch/completions", "/big_batch/completions"})
    refused(path, R"({"contents": [)" + texts + "]}");
  refused(fim, R"({"prefix": [)" + texts + R"(], "suffix": ["a"]})");
  refused(translation, R"({"target_lang": "en", "text_list": [)" + texts + "]}");
}

TEST(LightningErrors, NobodyIsLetInWithoutThePassword) {
  http::ServerOptions options;
  options.password = "sesame";
  Desk desk({}, options);
  desk.harness.context.password = options.password;
  const std::string sentence = "Unauthorized: invalid or missing password";
  for (const char* path : {v1, v2, v3, fim, translation, openai, "/v1/batch/completions", "/big_batch/completions",
                           "/v1/tokens/count", "/v1/server/stop", "/v1/server/pause", "/v1/server/resume"}) {
    EXPECT_EQ(desk.error(path, R"({"contents": ["a"]})", 401), sentence) << path;
    EXPECT_EQ(desk.error(path, R"({"contents": ["a"], "password": "Sesame"})", 401), sentence) << path;
    EXPECT_NE(desk.harness.client().post(path, R"({"contents": ["a"], "password": "sesame"})").status, 401) << path;
  }
  for (const char* path : {"/v1/server/status", "/openai/v1/models"}) {
    const Answer answer = desk.harness.client().get(path);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(json::parse(answer.body), (json::value{{"error", sentence}}));
  }
}

// As the preflight of a page that is served elsewhere.
TEST(LightningErrors, PagesMayAskWhatTheyMay) {
  Desk desk;
  for (const char* path : {v1, v2, v3, fim, translation, "/state/chat/completions"}) {
    Client client = desk.harness.client();
    client.send("OPTIONS", path);
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, 204) << path;
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.headers.at("access-control-allow-origin"), "*");
    EXPECT_EQ(answer.headers.at("access-control-max-age"), "86400");
    EXPECT_NE(answer.headers.at("access-control-allow-methods").find("POST"), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace fulmar::test
