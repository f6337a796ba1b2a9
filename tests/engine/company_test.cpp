// The promise of the seed, on trained models: what a request draws does not depend on who else is served.
#include <gtest/gtest.h>

#include <filesystem>

#include "cpu/linear.h"
#include "engine/fake_model.h"
#include "engine/scheduler.h"
#include "model/made_model.h"
#include "text/sampler.h"

namespace fulmar {
namespace {

constexpr uint32_t drawn = 200;  // tokens of the request that is looked at
constexpr uint32_t others = 32;

Sampling seeded(uint64_t seed) {
  Sampling sampling;
  sampling.seed = seed;
  return sampling;
}

// A request as the model sees it. The first is the one looked at; the larger `share`, the
// sooner the others come and the less they read and write.
struct Text {
  Text(uint32_t i, uint32_t V, uint32_t share)
      : arrives(i == 0 ? 12 : i * 23 % 110 / share),
        wants(i == 0 ? drawn : (30 + i * 7) / share),
        slot(i),
        sampler(seeded(100 + i), V, 0) {
    for (uint32_t j = 0; j < 1 + (i == 0 ? 45 : i * 37 % 90 / share); ++j)
      feed.push_back(static_cast<Token>((i * 131 + j * 17 + j * j) % V));
  }
  uint32_t arrives, wants;  // at this step; tokens
  uint32_t slot;
  Sampler sampler;
  std::vector<Token> feed;      // what is left of the prompt, then the token drawn last
  std::vector<Token> tokens;    // drawn
  std::vector<float> logits{};  // of all of them
};

// Runs streams as the engine would, with steps so small that prompts are cut.
void play(Model& model, std::vector<Text>& streams) {
  StepPlan plan;
  for (uint32_t step = 0;; ++step) {
    std::vector<Demand> demands;
    bool more = false;
    for (uint32_t i = 0; i < streams.size(); ++i) {
      Text& s = streams[i];
      if (s.tokens.size() == s.wants) continue;
      more = true;
      if (step < s.arrives) continue;
      if (step == s.arrives) model.reset_slot(i);
      demands.push_back({i, {&s.slot, 1}, static_cast<uint32_t>(s.feed.size()), !s.tokens.empty()});
    }
    if (!more) return;
    if (demands.empty()) continue;
    plan_step(demands, {model.max_rows(), model.max_picks()}, plan);
    std::vector<Token> rows;
    for (const ops::Segment& segment : plan.segments) {
      auto& feed = streams[segment.slot].feed;
      rows.insert(rows.end(), feed.begin(), feed.begin() + segment.rows);
      feed.erase(feed.begin(), feed.begin() + segment.rows);
    }
    const auto all = model.step(rows, plan.segments, plan.picks);
    const uint32_t V = model.config().V;
    for (const StepPlan::Share& share : plan.shares) {
      if (share.picks == 0) continue;
      const uint32_t who = demands[share.demand].who;
      Text& s = streams[who];
      const auto row = all.subspan(share.first_pick * size_t{V}, V);
      std::vector<float> logits(row.begin(), row.end());
      if (who == 0) s.logits.insert(s.logits.end(), logits.begin(), logits.end());
      s.tokens.push_back(s.sampler.sample(logits));
      s.feed = {s.tokens.back()};
    }
  }
}

void expect_the_same_in_company(const std::filesystem::path& file, const std::string& strategy,
                                bool reproducible, uint32_t share = 1) {
  SCOPED_TRACE(file.filename().string() + ", " + strategy);
  LoadOptions options;
  options.file = file.string();
  options.strategy = strategy;
  options.slots = others + 1;
  options.step_tokens = others + 8;
  options.threads = 2;
  options.reproducible = reproducible;
  const auto model = Model::load(options);
  const uint32_t V = model->config().V;
  std::vector<Text> alone{Text(0, V, share)}, together;
  for (uint32_t i = 0; i <= others; ++i) together.emplace_back(i, V, share);
  play(*model, alone);
  play(*model, together);
  EXPECT_EQ(alone[0].tokens.size(), drawn);
  EXPECT_EQ(together[0].tokens, alone[0].tokens);
  EXPECT_TRUE(together[0].logits == alone[0].logits)
      << "logits differ by up to " << test::largest_difference(together[0].logits, alone[0].logits);
}

const std::filesystem::path source = FULMAR_SOURCE_DIR;
const std::filesystem::path demo = source / "models/fulmar-demo.safetensors";
const std::filesystem::path another = source / "../shared/models/tiny-rwkv-6v0/tiny-rwkv-6v0-1m.pth";

TEST(Company, TwoHundredTokensAreTheSameAmongThirtyTwoOthersOnTheCpu) {
  const bool promised = cpu::sum_classes(false) == cpu::sum_classes(true);
  for (const auto& file : {demo, another}) {
    if (!std::filesystem::exists(file)) continue;
    for (const char* strategy : {"cpu fp32", "cpu fp16q4_0"}) {
      expect_the_same_in_company(file, strategy, true);
      if (promised) expect_the_same_in_company(file, strategy, false);
    }
  }
}

constexpr uint32_t brief = 8;  // share of the others on Vulkan: software drivers are slow

TEST(Company, TwoHundredTokensAreTheSameAmongThirtyTwoOthersOnVulkan) {
  if (!test::has_vulkan()) GTEST_SKIP() << "no Vulkan device";
  expect_the_same_in_company(demo, "vulkan fp16", true, brief);
}

TEST(Company, SoAreThoseOfAnotherModelOnVulkan) {
  if (!test::has_vulkan()) GTEST_SKIP() << "no Vulkan device";
  if (!std::filesystem::exists(another)) GTEST_SKIP() << another << " is not there";
  expect_the_same_in_company(another, "vulkan fp16", true, brief);
}

TEST(Company, AnEngineGivesASeedsTextWhoeverElseIsServed) {
  EngineOptions options;
  options.model.file = demo.string();
  options.model.strategy = "cpu fp16";
  options.model.slots = others + 1;
  options.model.threads = 1;
  options.model.reproducible = true;
  const auto engine = Engine::create(options);
  Question request = ask("User: Tell me a story.\n\nAssistant:", drawn, 42);
  request.ignore_eos = true;
  const auto alone = listen_to(*engine, request);
  ASSERT_EQ(alone->wait(), Finish::length);

  std::vector<std::shared_ptr<Listener>> company;
  const auto join = [&](uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
      company.push_back(listen_to(
          *engine, ask(std::string(1 + company.size() * 29 % 300, 'a'), 150, 1000 + company.size())));
  };
  join(others / 4);
  const auto among = listen_to(*engine, request);
  for (uint32_t i = 1; i < 4; ++i) {
    among->wait_for_events(20 * i);
    join(others / 4);
  }
  ASSERT_EQ(among->wait(), Finish::length);
  EXPECT_EQ(among->tokens(), alone->tokens());
  EXPECT_EQ(among->text(), alone->text());
  for (const auto& listener : company) listener->close();
}

}  // namespace
}  // namespace fulmar
