// What clients of rwkv_lightning ask for.
#include "answer/answer.h"
#include "api/lightning/lightning.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

TEST(Lightning, TheStatusTellsOfTheWorkUnderWay) {
  FakeOptions slow;
  slow.slots = 1;
  slow.step = std::chrono::milliseconds(5);
  Harness harness(slow);
  Client one = harness.client(), two = harness.client();
  for (Client* client : {&one, &two})
    client->send("POST", "/v1/completions", R"({"prompt": "go on", "max_tokens": 100000})");
  ASSERT_TRUE(eventually([&] { return harness.engine.stats().live == 1 && harness.engine.stats().queued == 1; }));
  const Answer answer = harness.client().get("/v1/server/status");
  ASSERT_EQ(answer.status, 200);
  const json::value status = json::parse(answer.body);
  EXPECT_EQ(status.at("status"), "ok");
  EXPECT_EQ(status.at("model"), "fake-rwkv");
  EXPECT_EQ(status.at("active_requests"), 1);
  EXPECT_EQ(status.at("prefill_queue").at("queued_requests"), 1);
  EXPECT_EQ(status.at("prefill_queue").at("hard_max_bsz"), int64_t{api::kChoices});
  EXPECT_EQ(status.at("requests"), json::array()) << "these are of another family";
  for (const char* name : {"api_version", "engine_version", "capabilities", "active_request", "last_request", "paused_requests"})
    EXPECT_TRUE(status.as_object().contains(name)) << name;
}

TEST(Lightning, ErrorsAreOneSentence) {
  Harness harness;
  harness.context.draining = true;
  const Answer answer = harness.client().get("/v1/server/status");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body), json::value({{"error", "the server is shutting down"}}));
}

std::string drawn_by(const Request& request) {
  const Sampling& s = request.sampling;
  return fmt::format("{} {} {} {} {} {} {} {} {} {}", s.temperature, s.top_k, s.top_p, s.presence_penalty, s.frequency_penalty,
                     s.penalty_decay, static_cast<int>(s.rule), request.max_tokens, request.use_prefix_cache,
                     fmt::join(request.stop_tokens, ","));
}

TEST(Lightning, DrawsByTheNumbersThatItsTablesSay) {
  Harness harness;
  Client client = harness.client();
  const auto asked = [&](const std::string& more) {
    const Answer answer = client.post("/state/chat/completions", R"({"contents": ["say hi"])" + more + "}");
    EXPECT_EQ(answer.status, 200) << more << answer.body;
    return drawn_by(harness.engine.last_request());
  };
  const std::string without = asked("");
  EXPECT_EQ(without, fmt::format("1 1 0.3 0.5 0.5 0.996 {} 50 true ", static_cast<int>(PenaltyRule::rapid)));
  int compared = 0;
  for (const api::Field& field : api::lightning::native_fields.fields) {
    const std::string value(field.absent);
    if (value != "true" && value != "false" && (value.empty() || value.find_first_not_of("0123456789.") != value.npos)) continue;
    EXPECT_EQ(asked(fmt::format(R"(, "{}": {})", field.name, value)), without) << field.name;
    ++compared;
  }
  EXPECT_GE(compared, 9);
  EXPECT_NE(asked(R"(, "alpha_presence": 1)"), without);
  EXPECT_NE(asked(R"(, "use_prefix_cache": false)"), without);
}

TEST(Lightning, AProfileGivenToTheServerGoesBeforeItsNumbers) {
  Harness harness;
  harness.context.profiles = api::profile_choice("lightning-2026");
  harness.client().post("/state/chat/completions", R"({"contents": ["say hi"], "alpha_presence": 1})");
  EXPECT_TRUE(drawn_by(harness.engine.last_request()).starts_with("1 50 0.6 1 0.2 0.996")) << drawn_by(harness.engine.last_request());
}

// In another vocabulary these ids are some other texts.
TEST(Lightning, StopsAtTheWorldVocabularysTokensOnlyWhereTheyAreThese) {
  for (const bool world : {false, true}) {
    FakeOptions options;
    if (world) options.words = {{261, "\n\n"}, {24281, "User"}};
    Harness harness(options);
    Client client = harness.client();
    const auto stops = [&](const std::string& more) {
      client.post("/state/chat/completions", R"({"contents": ["say hi"])" + more + "}");
      return harness.engine.last_request().stop_tokens;
    };
    EXPECT_EQ(stops(""), (world ? std::vector<Token>{261, 24281} : std::vector<Token>{}));
    EXPECT_EQ(stops(R"(, "stop_tokens": null)"), (world ? std::vector<Token>{261, 24281} : std::vector<Token>{}));
    EXPECT_TRUE(stops(R"(, "stop_tokens": [])").empty());
    EXPECT_EQ(stops(R"(, "stop_tokens": [0, 261, 70000, "x"])"), (std::vector<Token>{0, 261}));
    EXPECT_EQ(harness.engine.last_request().stop, std::vector<std::string>{"x"});
  }
}

}  // namespace
}  // namespace fulmar::test
