// Completions as llama.cpp's clients ask for them and read them.
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <cmath>

#include "server/harness.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

json::value said(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << answer.body;
  return json::parse(answer.body);
}

std::string refused(const Answer& answer, int status = 400) {
  EXPECT_EQ(answer.status, status) << answer.body;
  const json::value error = json::parse(answer.body).at("error");
  EXPECT_EQ(error.at("code"), status);
  EXPECT_TRUE(error.at("type").is_string());
  return std::string(error.at("message").as_string());
}

const json::value spoken_timings = json::parse(R"({"cache_n": 0, "prompt_n": 14, "prompt_ms": 2.0, "prompt_per_token_ms": 0.14285714285714285,
    "prompt_per_second": 7000.0, "predicted_n": 2, "predicted_ms": 6.0, "predicted_per_token_ms": 3.0, "predicted_per_second": 333.3333333333333})");

TEST(LlamaCompletion, TheAnswerHasAllMembers) {
  Harness harness;
  json::object got = said(harness.client().post("/completion", R"({"prompt": "say one\n two. t", "stop": ["!", "."], "seed": 5, "top_k": 3,
      "n_predict": 7, "id_slot": -1, "n_keep": 3, "repeat_penalty": 1.1, "dry_multiplier": 0, "mirostat": 0})")).as_object();
  const json::object settings = got["generation_settings"].as_object();
  got.erase("generation_settings");
  json::object wanted = json::parse(R"({"index": 0, "content": "one\n two", "tokens": [], "id_slot": -1, "stop": true, "model": "fake-rwkv", "tokens_predicted": 2,
      "tokens_evaluated": 16, "prompt": "say one\n two. t", "has_new_line": true, "truncated": false, "stop_type": "word", "stopping_word": ".", "tokens_cached": 0})").as_object();
  json::object timings = spoken_timings.as_object();
  timings["prompt_n"] = 16;
  timings["prompt_per_token_ms"] = 0.125;
  timings["prompt_per_second"] = 8000.0;
  wanted["timings"] = timings;
  wanted["tokens_evaluated"] = 15;
  timings["prompt_n"] = 15;
  timings["prompt_per_token_ms"] = 2.0 / 15;
  timings["prompt_per_second"] = 7500.0;
  wanted["timings"] = timings;
  EXPECT_EQ(json::value(got), json::value(wanted)) << json::serialize(got);
  EXPECT_EQ(settings.at("seed"), 5);
  EXPECT_EQ(settings.at("top_k"), 3);
  EXPECT_EQ(settings.at("n_predict"), 7);
  EXPECT_EQ(settings.at("n_keep"), 3);
  EXPECT_EQ(settings.at("stop"), json::parse(R"(["!", "."])"));
  EXPECT_EQ(settings.at("repeat_last_n"), 64);
  EXPECT_EQ(settings.at("samplers"), json::parse(R"(["penalties", "top_k", "top_p", "min_p", "temperature"])"));
  EXPECT_EQ(settings.at("mirostat"), 0);
}

TEST(LlamaCompletion, AStreamsEventsAreTheseAndNoOthers) {
  Harness harness;
  const Answer answer = harness.client().post(
      "/completion", R"({"prompt": "say one.", "stop": ["."], "stream": true, "response_fields": ["content", "stop_type", "generation_settings/n_keep", "nothing"]})");
  EXPECT_EQ(answer.body,
            "data: {\"index\":0,\"content\":\"one\",\"tokens\":[],\"stop\":false,\"id_slot\":-1,\"tokens_predicted\":1,\"tokens_evaluated\":8}\n\n"
            "data: {\"content\":\"\",\"stop_type\":\"word\",\"generation_settings/n_keep\":0}\n\n");
}

TEST(LlamaCompletion, EveryFormOfAPromptIsRead) {
  Harness harness;
  const auto prompts = [&](const std::string& prompt) {
    const json::value got = said(harness.client().post("/completion", R"({"n_predict": 1, "prompt": )" + prompt + "}"));
    std::vector<std::string> all;
    if (got.is_object()) return std::vector{std::string(got.at("prompt").as_string())};
    for (const json::value& one : got.as_array()) all.emplace_back(one.at("prompt").as_string());
    return all;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(prompts(R"("ab")"), Texts{"ab"});
  EXPECT_EQ(prompts("[97, 98]"), Texts{"ab"});
  EXPECT_EQ(prompts(R"([97, "bc", 100])"), Texts{"abcd"});
  EXPECT_EQ(prompts(R"(["a", "b"])"), (Texts{"a", "b"}));
  EXPECT_EQ(prompts(R"([[97, "b"], "c", {"prompt_string": "d"}])"), (Texts{"ab", "c", "d"}));
  EXPECT_EQ(prompts(R"({"prompt_string": "d", "multimodal_data": []})"), Texts{"d"});
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": {"prompt_string": "d", "multimodal_data": ["x"]}})")), HasSubstr("multimodal_data"));
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": []})")), StartsWith("prompt is an empty list"));
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": [[97], []]})")), StartsWith("prompt is an empty list"));
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": [true]})")), StartsWith("prompt must be"));
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": [97, 65536]})")), StartsWith("prompt has 65536"));
  EXPECT_EQ(refused(harness.client().post("/completion", "{}")), "prompt is missing");
}

TEST(LlamaCompletion, ChoicesAreAList) {
  Harness harness;
  const json::array got = said(harness.client().post("/completion", R"({"prompt": ["a", "b"], "n_cmpl": 2, "n_predict": 2, "seed": 1})")).as_array();
  ASSERT_EQ(got.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(got[i].at("index"), i);
    EXPECT_EQ(got[i].at("prompt"), i < 2 ? "a" : "b");
    EXPECT_EQ(got[i].at("content").as_string(), fake_text(i < 2 ? "a" : "b", 1 + i % 2, 2));
    EXPECT_EQ(got[i].at("stop_type"), "limit");
  }
}

TEST(LlamaCompletion, ThatPathIsTheirsWhereTheBodySaysNPredict) {
  Harness harness;
  EXPECT_TRUE(said(harness.client().post("/completions", R"({"prompt": "a", "n_predict": 1})")).as_object().contains("stop_type"));
  EXPECT_TRUE(said(harness.client().post("/completions", R"({"prompt": "a", "max_tokens": 1})")).as_object().contains("choices"));
}

TEST(LlamaCompletion, SamplersAreARulesOrder) {
  Harness harness;
  const auto drawn = [&](const std::string& more) {
    said(harness.client().post("/completion", R"({"prompt": "x", "n_predict": 1, "temperature": 0.7, "top_p": 0.5, "min_p": 0.1, "top_k": 9)" + more + "}"));
    return harness.engine.last_request().sampling;
  };
  EXPECT_EQ(drawn("").rule, PenaltyRule::llama);
  EXPECT_EQ(drawn(R"(, "samplers": ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"])").rule, PenaltyRule::llama);
  EXPECT_EQ(drawn(R"(, "samplers": "edskypmxt")").rule, PenaltyRule::llama);
  EXPECT_EQ(drawn(R"(, "samplers": ["temperature", "top_k", "top_p", "min_p"])").rule, PenaltyRule::openai);
  EXPECT_EQ(drawn(R"(, "samplers": ["top_p", "top_k", "temperature", "min_p"])").rule, PenaltyRule::runner);
  EXPECT_EQ(drawn(R"(, "samplers": ["min_p", "top_k", "top_p", "temperature"], "min_p": 0)").rule, PenaltyRule::llama) << "what cuts nothing has no place";
  const Sampling one = drawn(R"(, "samplers": ["top_k"])");
  EXPECT_EQ(one.top_k, 9);
  EXPECT_EQ(one.top_p, 1.0f);
  EXPECT_EQ(one.min_p, 0.0f);
  EXPECT_EQ(one.temperature, 1.0f);
  const std::string begin = R"({"prompt": "x", "n_predict": 1, "temperature": 0.7, "top_p": 0.5, "min_p": 0.1, "top_k": 9, "samplers": )";
  EXPECT_THAT(refused(harness.client().post("/completion", begin + R"(["min_p", "top_p", "top_k"]})")), StartsWith("samplers has an order"));
  EXPECT_THAT(refused(harness.client().post("/completion", begin + R"(["dance"]})")), StartsWith("samplers has 'dance'"));
  EXPECT_THAT(refused(harness.client().post("/completion", begin + R"(["top_k", "top_k"]})")), StartsWith("samplers has top_k twice"));
  EXPECT_THAT(refused(harness.client().post("/completion", begin + "5}")), StartsWith("samplers must be"));
}

TEST(LlamaCompletion, WhatWouldChangeTheAnswerIsRefusedByItsName) {
  Harness harness;
  for (const char* field : {R"("dry_multiplier": 0.8)", R"("xtc_probability": 0.5)", R"("typical_p": 0.9)", R"("mirostat": 2)", R"("dynatemp_range": 0.5)",
                            R"("min_keep": 2)", R"("n_indent": 4)", R"("t_max_predict_ms": 100)", R"("post_sampling_probs": true)",
                            R"("lora": [{"id": 0, "scale": 1}])", R"("top_n_sigma": 1)"}) {
    const std::string name(field + 1, std::string_view(field).find('"', 1) - 1);
    EXPECT_THAT(refused(harness.client().post("/completion", fmt::format(R"({{"prompt": "x", {}}})", field))), StartsWith(name + " is not supported"));
  }
}

TEST(LlamaCompletion, BiasesAreAListTooAndFalseIsNever) {
  Harness harness;
  said(harness.client().post("/completion", R"({"prompt": "x", "n_predict": 1, "logit_bias": [[7, 1.5], [8, false]]})"));
  const auto biases = harness.engine.last_request().sampling.logit_bias;
  ASSERT_EQ(biases.size(), 2u);
  EXPECT_EQ(biases[0], (std::pair<Token, float>(7, 1.5f)));
  EXPECT_EQ(biases[1].second, -std::numeric_limits<float>::infinity());
  EXPECT_THAT(refused(harness.client().post("/completion", R"({"prompt": "x", "logit_bias": [["a", 1]]})")), HasSubstr("/tokenize"));
}

TEST(LlamaInfill, TheGapStandsBetween) {
  Harness harness;
  const json::value got = said(harness.client().post("/infill", R"({"input_prefix": "A", "input_suffix": "Z", "prompt": "bc", "n_predict": 1,
      "input_extra": [{"filename": "f.c", "text": "int x;"}]})"));
  EXPECT_EQ(got.at("prompt"), "f.c\nint x;\n✿prefix✿✿suffix✿Z✿middle✿Abc");
  EXPECT_EQ(refused(harness.client().post("/infill", R"({"input_prefix": "A"})")), "input_suffix is missing");
}

TEST(LlamaTokens, TextsBecomeTokensAndBack) {
  Harness harness;
  EXPECT_EQ(harness.client().post("/tokenize", R"({"content": "aé"})").body, R"({"tokens":[97,195,169]})");
  EXPECT_EQ(harness.client().post("/tokenize", R"({"content": "aé", "with_pieces": true})").body,
            R"({"tokens":[{"id":97,"piece":"a"},{"id":195,"piece":[195]},{"id":169,"piece":[169]}]})");
  EXPECT_EQ(harness.client().post("/tokenize", R"({"content": ""})").body, R"({"tokens":[]})");
  EXPECT_EQ(harness.client().post("/detokenize", R"({"tokens": [97, 195, 169]})").body, R"({"content":"aé","prompt":"aé"})");
  EXPECT_EQ(refused(harness.client().post("/detokenize", "{}")), "tokens is missing");
  EXPECT_THAT(refused(harness.client().post("/detokenize", R"({"tokens": [-1]})")), StartsWith("tokens has -1"));
}

TEST(LlamaEmbedding, VectorsHaveTheNormThatIsWanted) {
  Harness harness;
  const auto size_of = [&](const std::string& norm) {  // of "abc", whose numbers are 0.5, -0.5, 3 and 97
    const json::value got = said(harness.client().post("/embedding", R"({"content": ["abc", "a"], "embd_normalize": )" + norm + "}"));
    EXPECT_EQ(got.as_array().size(), 2u);
    EXPECT_EQ(got.at(1).at("index"), 1);
    const json::array& vector = got.at(0).at("embedding").at(0).as_array();
    EXPECT_EQ(vector.size(), 4u);
    EXPECT_LT(vector.at(1).to_number<double>(), 0);
    return vector.at(3).to_number<double>();
  };
  EXPECT_NEAR(size_of("1"), 97 / 101.0, 1e-6);
  EXPECT_NEAR(size_of("2"), 97 / std::sqrt(0.5 + 9 + 97 * 97), 1e-6);
  EXPECT_NEAR(size_of("-1"), size_of("2"), 1e-9);
  EXPECT_NEAR(size_of("0"), 32760, 1e-2);
  EXPECT_EQ(harness.client().post("/embedding", R"({"input": [97]})").status, 200);
  EXPECT_THAT(refused(harness.client().post("/embedding", R"({"content": ""})")), StartsWith("content is an empty text"));
  EXPECT_EQ(refused(harness.client().post("/embedding", "{}")), "content is missing");
}

TEST(LlamaProps, CannotBeChanged) {
  Harness harness;
  EXPECT_THAT(refused(harness.client().post("/props", "{}"), 501), HasSubstr("/props"));
  EXPECT_EQ(said(harness.client().get("/props")).at("default_generation_settings").at("params").at("samplers").as_array().size(), 5u);
}

}  // namespace
}  // namespace fulmar::test
