// What a request leaves open comes from the profile that the model, the thinking mode and --sampling-profile name.
#include "answer/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "server/harness.h"

namespace fulmar::test {
namespace {

FakeOptions with_profiles(std::initializer_list<const char*> names) {
  FakeOptions options;
  float temperature = 0.25f;
  for (const char* name : names) {
    SamplingProfile profile{name, {}};
    profile.sampling.temperature = temperature;
    profile.sampling.top_k = 32;
    profile.sampling.rule = PenaltyRule::rapid;
    profile.sampling.penalty_decay = 0.5f;
    options.sampling_profiles.push_back(profile);
    temperature += 0.25f;
  }
  return options;
}

const std::string kChat = "/v1/chat/completions";

// The sampling of a request with these members beside its messages.
Sampling chat(Harness& harness, const std::string& members, const std::string& more_messages = "") {
  Client client = harness.client();
  const Answer answer =
      client.post(kChat, R"({"messages":[{"role":"user","content":"say hi"})" + more_messages + "]" + members + "}");
  EXPECT_EQ(answer.status, 200) << answer.body;
  return harness.engine.last_request().sampling;
}

Sampling completion(Harness& harness, const std::string& members = "") {
  Client client = harness.client();
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"say hi")" + members + "}").status, 200);
  return harness.engine.last_request().sampling;
}

const std::string kToolTurn =
    R"(,{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]},{"role":"tool","content":"1"},
       {"role":"user","content":"say ho"})";

TEST(Profiles, FollowTheThinkingModeAndToolsBeforeIt) {
  Harness harness(with_profiles({"open", "fake", "tools"}));
  EXPECT_EQ(chat(harness, R"(,"enable_think":true)").temperature, 0.25f);
  EXPECT_EQ(chat(harness, R"(,"enable_think":false)").temperature, 0.5f);
  EXPECT_EQ(chat(harness, R"(,"enable_think":true)", kToolTurn).temperature, 0.75f);
  EXPECT_EQ(chat(harness, R"(,"enable_think":true,"tools":[{"function":{"name":"f"}}])").temperature, 0.75f);
  EXPECT_EQ(chat(harness, R"(,"enable_think":true)").rule, PenaltyRule::rapid);
  EXPECT_EQ(completion(harness).temperature, 1.0f) << "completions are neutral where nothing else was asked for";
  EXPECT_EQ(completion(harness).top_k, 0);
}

TEST(Profiles, FieldsOfTheRequestWin) {
  Harness harness(with_profiles({"open", "fake", "tools"}));
  const Sampling got = chat(harness, R"(,"enable_think":true,"temperature":1.5,"top_k":-1,"penalty_decay":0.75)");
  EXPECT_EQ(got.temperature, 1.5f);
  EXPECT_EQ(got.top_k, 0);
  EXPECT_EQ(got.penalty_decay, 0.75f);
  EXPECT_EQ(got.rule, PenaltyRule::rapid) << "a decay alone does not change the profile's rule";
  EXPECT_EQ(chat(harness, R"(,"penalty_rule":"openai")").rule, PenaltyRule::openai);
}

TEST(Profiles, TheFirstOfAModelIsForWhatHasNone) {
  Harness harness(with_profiles({"open"}));
  EXPECT_EQ(chat(harness, R"(,"enable_think":false)").temperature, 0.25f);
  EXPECT_EQ(chat(harness, "", kToolTurn).temperature, 0.25f);
}

TEST(Profiles, AModelWithoutAnyIsDrawnNeutrally) {
  Harness harness;
  EXPECT_EQ(chat(harness, "").temperature, 1.0f);
  EXPECT_EQ(chat(harness, "").rule, PenaltyRule::openai);
}

TEST(Profiles, TheWordOfTheCommandLineDecides) {
  Harness harness(with_profiles({"open", "fake", "tools"}));
  harness.context.profiles = api::profile_choice("model");
  EXPECT_EQ(completion(harness).temperature, 0.25f);
  EXPECT_EQ(chat(harness, R"(,"enable_think":false)").temperature, 0.5f);
  harness.context.profiles = api::profile_choice("neutral");
  EXPECT_EQ(chat(harness, "").temperature, 1.0f);
  EXPECT_EQ(chat(harness, "").top_k, 0);
  harness.context.profiles = api::profile_choice("infer");
  for (const Sampling& got : {chat(harness, ""), completion(harness)}) {
    EXPECT_EQ(got.top_p, 0.3f);
    EXPECT_EQ(got.frequency_penalty, 0.3f);
    EXPECT_EQ(got.rule, PenaltyRule::runner);
  }
  try {
    api::profile_choice("mine");
    FAIL() << "an unknown profile was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::misuse);
    EXPECT_NE(std::string_view(error.what()).find("model, neutral, open, fake, tools, lightning"), std::string_view::npos);
  }
}

TEST(Profiles, TheDocumentPrintsTheKnownOnes) {
  std::ifstream file(FULMAR_SOURCE_DIR "/docs/http-api.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const SamplingProfile& profile : known_profiles()) {
    if (profile.name == "neutral") continue;
    const Sampling& s = profile.sampling;
    const auto rule = std::ranges::find(penalty_rules, s.rule, &std::pair<std::string_view, PenaltyRule>::second);
    const std::string row = fmt::format("\n| `{}` | {} | {} | {} | {} | {} | {} | `{}` |", profile.name, s.temperature, s.top_p,
                                        s.top_k, s.presence_penalty, s.frequency_penalty, s.penalty_decay, rule->first);
    EXPECT_NE(text.find(row), text.npos) << row;
  }
}

TEST(Profiles, PropsShowsThemAsLlamaCppsClientsLook) {
  Harness harness(with_profiles({"open", "fake"}));
  harness.context.build = "fulmar 9.9";
  const Answer answer = harness.client().get("/props");
  ASSERT_EQ(answer.status, 200);
  const json::value props = json::parse(answer.body);
  const json::value& params = props.at("default_generation_settings").at("params");
  EXPECT_EQ(params.at("temperature"), json::value(0.25));
  EXPECT_EQ(params.at("penalty_rule"), "rapid");
  EXPECT_EQ(params.at("n_predict"), -1);
  EXPECT_EQ(params.at("repeat_last_n"), 64) << "what a repeat_penalty looks at";
  EXPECT_TRUE(props.at("default_generation_settings").at("n_ctx").is_null()) << "unknown";
  EXPECT_EQ(props.at("total_slots"), 64);
  EXPECT_EQ(props.at("model_path"), "/models/fake.pth");
  EXPECT_EQ(props.at("chat_template"), "fake");
  EXPECT_EQ(props.at("build_info"), "fulmar 9.9");
  EXPECT_EQ(props.at("sampling_profiles").at("fake").at("temperature"), json::value(0.5));
  EXPECT_EQ(props.at("sampling_profiles").at("tools").at("name"), "open");
  EXPECT_EQ(props.at("sampling_profiles").at("text").at("name"), "neutral");
}

TEST(Profiles, NumbersAreAsTheyWereWritten) {
  Harness harness;
  harness.context.profiles = api::profile_choice("lightning");
  const std::string body = harness.client().get("/props").body;
  for (const char* number : {R"("top_p":0.3,)", R"("penalty_decay":0.996,)", R"("presence_penalty":0.5,)"})
    EXPECT_NE(body.find(number), body.npos) << body;
}

}  // namespace
}  // namespace fulmar::test
