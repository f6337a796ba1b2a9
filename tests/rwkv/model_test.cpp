// A loaded model of every version keeps its sequences apart, and a state can be taken out and put back.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "model/model.h"
#include "rwkv/checkpoints.h"

namespace fulmar {
namespace {

using Logits = std::vector<float>;

struct Case {
  std::string version, strategy;
};

class EveryVersion : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& test = GetParam();
    if (test.strategy.starts_with("vulkan") && !why_no_vulkan().empty()) GTEST_SKIP() << why_no_vulkan();
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    name += testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
    const auto folder =
        std::filesystem::temp_directory_path() / ("fulmar_" + std::to_string(std::hash<std::string>()(name)));
    std::filesystem::create_directories(folder);
    const auto path = folder / "model.safetensors";
    std::ofstream(path, std::ios::binary) << test::safetensors_of(test::random_checkpoint(test.version, 3));
    LoadOptions options;
    options.file = path.string();
    options.strategy = test.strategy;
    options.slots = 3;
    options.step_tokens = 16;
    options.threads = 2;
    model_ = Model::load(options);
    std::filesystem::remove_all(folder);
  }

  // The logits of the last token.
  Logits feed(uint32_t slot, const std::vector<int32_t>& tokens) {
    const auto rows = static_cast<uint32_t>(tokens.size());
    const ops::Segment segment{slot, 0, rows};
    const uint32_t pick = rows - 1;
    const auto logits = model_->step(tokens, {&segment, 1}, {&pick, 1});
    return {logits.begin(), logits.end()};
  }

  static void expect_near(std::span<const float> got, std::span<const float> wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 2e-5f) << i;
  }

  std::unique_ptr<Model> model_;
};

TEST_P(EveryVersion, SequencesOfABatchDoNotMeet) {
  EXPECT_EQ(rwkv::name(model_->config().version), GetParam().version);
  const std::vector<std::vector<int32_t>> starts{{1, 2, 3, 4, 5}, {7}, {9, 0, 10}};
  std::vector<Logits> alone;
  for (uint32_t slot = 0; slot < 3; ++slot) {
    model_->reset_slot(slot);
    feed(slot, starts[slot]);
    alone.push_back(feed(slot, {6, 8}));
  }
  // Other slots, and all three in one step, twice.
  std::vector<int32_t> tokens;
  std::vector<ops::Segment> segments;
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t slot = (i + 1) % 3;
    model_->reset_slot(slot);
    segments.push_back({slot, static_cast<uint32_t>(tokens.size()), static_cast<uint32_t>(starts[i].size())});
    tokens.insert(tokens.end(), starts[i].begin(), starts[i].end());
  }
  model_->step(tokens, segments, {});
  tokens = {6, 8, 6, 8, 6, 8};
  for (uint32_t i = 0; i < 3; ++i) segments[i] = {segments[i].slot, 2 * i, 2};
  const std::vector<uint32_t> picks{1, 3, 5};
  const auto together = model_->step(tokens, segments, picks);
  const uint32_t V = model_->config().V;
  for (uint32_t i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    expect_near(together.subspan(size_t{i} * V, V), alone[i]);
    EXPECT_GT(std::abs(alone[i][0] - alone[(i + 1) % 3][0]), 1e-3f);  // they do differ
  }
}

TEST_P(EveryVersion, AStateTakenOutAndPutBackGoesOnTheSame) {
  model_->reset_slot(0);
  const Logits fresh = feed(0, {4});
  feed(0, {1, 2, 3});
  std::vector<float> state(model_->state_floats());
  model_->read_slot(0, state);
  model_->copy_slot(1, 0);
  const Logits wanted = feed(0, {5, 6});
  model_->reset_slot(2);
  feed(2, {9, 9});
  model_->write_slot(2, state);
  EXPECT_EQ(feed(2, {5, 6}), wanted);
  EXPECT_EQ(feed(1, {5, 6}), wanted);
  model_->reset_slot(0);
  EXPECT_EQ(feed(0, {4}), fresh);
}

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const char* version : {"v4", "v5.0", "v5.1", "v5.2", "v6", "v7", "v7a"})
    for (const char* strategy : {"cpu fp32", "vulkan fp32"}) list.push_back({version, strategy});
  return list;
}

INSTANTIATE_TEST_SUITE_P(All, EveryVersion, testing::ValuesIn(cases()), [](const auto& test) {
  std::string name = test.param.version + "_" + test.param.strategy;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

}  // namespace
}  // namespace fulmar
