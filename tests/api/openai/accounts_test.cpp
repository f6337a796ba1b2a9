// What OpenAI's clients say of accounts and bills, what an answer says of its model, and how many tokens a text has.
#include "api/states/service.h"

namespace fulmar::test {
namespace {

TEST(OpenaiAccounts, KnownValuesChangeNothingAndOthersAreRefusedByName) {
  const StateService service;
  const json::object body = {{"prompt", "a"}, {"max_tokens", 2}, {"seed", 1}};
  const std::string plain(service.ask("/v1/completions", body)["choices"].at(0).at("text").as_string());
  for (const char* more : {R"({"user": "x", "store": true, "safety_identifier": "y", "prompt_cache_key": "z"})", R"({"service_tier": "flex"})",
                           R"({"metadata": {"a": "b"}})", R"({"metadata": {}})", R"({"verbosity": "high"})", R"({"service_tier": null})"})
    EXPECT_EQ(service.ask("/v1/completions", with(body, json::parse(more).as_object()))["choices"].at(0).at("text"), json::value(plain)) << more;
  const auto refused = [&](const char* more) {
    const Answer answer = service.post("/v1/completions", json::serialize(with(body, json::parse(more).as_object())));
    EXPECT_EQ(answer.status, 400) << more;
    return std::string(object_of(answer)["error"].at("param").as_string());
  };
  EXPECT_EQ(refused(R"({"service_tier": "gold"})"), "service_tier");
  EXPECT_EQ(refused(R"({"store": "yes"})"), "store");
  EXPECT_EQ(refused(R"({"metadata": {"a": 1}})"), "metadata");
  EXPECT_EQ(refused(json::serialize(json::object{{"metadata", {{std::string(65, 'k'), "v"}}}}).c_str()), "metadata");
  EXPECT_EQ(refused(json::serialize(json::object{{"metadata", {{"k", std::string(513, 'v')}}}}).c_str()), "metadata");
}

TEST(OpenaiAccounts, TheFingerprintIsTheModels) {
  const StateService service;
  const auto fingerprint = [&] {
    return std::string(service.ask("/v1/completions", json::object{{"prompt", "a"}, {"max_tokens", 1}})["system_fingerprint"].as_string());
  };
  const std::string first = fingerprint();
  EXPECT_EQ(first.substr(0, 3), "fp_");
  EXPECT_EQ(first.size(), 15u);
  EXPECT_EQ(fingerprint(), first);
  service.engine->set_adapters({{"other", {}, {}}}, 10);
  EXPECT_NE(fingerprint(), first);
}

TEST(OpenaiTimings, AreToldToWhoAsks) {
  const StateService service;
  const json::object body = {{"prompt", "abc"}, {"max_tokens", 3}};
  EXPECT_FALSE(service.ask("/v1/completions", body).contains("timings"));
  json::object whole = service.ask("/v1/completions", with(body, {{"timings_per_token", true}}));
  EXPECT_EQ(whole["timings"].at("prompt_n"), 3);
  EXPECT_EQ(whole["timings"].at("predicted_n"), 3);
  const json::object chat = {{"messages", json::array{{{"role", "user"}, {"content", "hi"}}}}, {"max_tokens", 3}, {"stream", true}};
  const auto told = [](const Answer& answer, std::string_view word) {
    size_t count = 0;
    for (const std::string& event : answer.events()) count += event.find(word) != event.npos;
    return count;
  };
  const Answer plain = service.post("/v1/chat/completions", json::serialize(chat));
  EXPECT_EQ(told(plain, "\"timings\""), 0u);
  const Answer timed = service.post("/v1/chat/completions", json::serialize(with(chat, {{"timings_per_token", true}})));
  EXPECT_EQ(told(timed, "\"timings\":{\"cache_n\""), timed.events().size() - 2) << "all but the first, with the role, and [DONE]: " << timed.body;
}

TEST(OpenaiTokens, AreToldAsVllmDoes) {
  const StateService service;
  EXPECT_EQ(service.post("/tokenize", R"({"prompt": "ab"})").body, R"({"count":2,"max_model_len":null,"tokens":[97,98],"token_strs":null})");
  EXPECT_EQ(service.post("/tokenize", R"({"prompt": "ab", "return_token_strs": true})").body,
            R"({"count":2,"max_model_len":null,"tokens":[97,98],"token_strs":["a","b"]})");
  const std::string chat = R"({"messages": [{"role": "user", "content": "ab"}]})";
  const json::object shown = service.ask("/apply-template", json::parse(chat)), counted = service.ask("/tokenize", json::parse(chat));
  EXPECT_EQ(counted.at("tokens"), shown.at("tokens"));
  const int64_t count = static_cast<int64_t>(shown.at("tokens").as_array().size());
  EXPECT_EQ(service.ask("/v1/chat/completions/input_tokens", json::parse(chat)),
            (json::object{{"object", "response.input_tokens"}, {"input_tokens", count}}));
  EXPECT_EQ(complaint(service.post("/v1/chat/completions/input_tokens", "{}"), 400, "messages"), "messages must have at least one message");
}

}  // namespace
}  // namespace fulmar::test
