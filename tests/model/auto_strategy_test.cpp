// What is chosen for a user who leaves the choice to the program fits the memory there is.
#include "model/auto_strategy.h"

#include <gtest/gtest.h>

#include "fulmar/error.h"
#include "model/made_model.h"

namespace fulmar {
namespace {

class AutoStrategy : public testing::Test {
 protected:
  ChosenPlan choose(const std::string& strategy, std::vector<ListedDevice> devices, uint64_t limit = 0) const {
    return choose_plan(parse_strategy(strategy), config_.L, limit, plan_of_, needs_of_, devices,
                       devices.empty() ? "no driver" : "");
  }
  uint64_t need(const std::string& strategy) const {
    return needs_of_(plan_of_(parse_strategy(strategy)))[0].total();
  }

  static ListedDevice gpu(uint64_t free) {
    ListedDevice device{"vulkan:0", {}};
    device.caps.backend = "vulkan";
    device.caps.memory_bytes = uint64_t{1} << 40;
    device.caps.free_bytes = free;
    return device;
  }

  const rwkv::Config config_ = test::made_config(6, 128, 300);
  const test::MadeModel source_{config_};
  const PlanOf plan_of_ = [this](const Strategy& strategy) { return plan_model(strategy, config_, source_); };
  const NeedsOf needs_of_ = [this](const ModelPlan& plan) {
    return predict_memory(plan, source_, {2, 16, 2});
  };
};

TEST_F(AutoStrategy, TakesTheBestPrecisionThatFits) {
  const uint64_t own = need("vulkan"), half = need("vulkan fp16"), small = need("vulkan fp16i8");
  ASSERT_GT(own, half);
  ASSERT_GT(half, small);
  const auto chosen = [&](uint64_t free) { return to_string(choose("auto", {gpu(free)}).plan.strategy); };
  EXPECT_EQ(chosen(own), "vulkan:0 fp32");
  EXPECT_EQ(chosen(own - 1), "vulkan:0 fp16");
  EXPECT_EQ(chosen(half - 1), "vulkan:0 fp16i8");
  EXPECT_EQ(chosen(small - 1).find("vulkan:0 fp16i8 *"), 0u) << chosen(small - 1);
  EXPECT_EQ(chosen(1000), "cpu fp32");
  EXPECT_NE(choose("", {gpu(half)}).why.find("fp16 needs"), std::string::npos);
}

TEST_F(AutoStrategy, KeepsAsManyLayersResidentAsFit) {
  for (uint32_t layers = 0; layers < config_.L; ++layers) {
    const std::string most = fmt::format("vulkan:0 fp16 *{}+ -> vulkan:0 fp16 *1", layers);
    const uint64_t enough = need(most);
    if (enough >= need("vulkan fp16")) continue;  // the last one streamed needs as much as all resident
    EXPECT_EQ(to_string(choose("vulkan fp16", {gpu(enough)}).plan.strategy), most);
    EXPECT_EQ(to_string(choose("vulkan fp16", {}, enough).plan.strategy), most);
  }
}

TEST_F(AutoStrategy, WithoutAGpuTheCpuRunsAndTheReasonIsTold) {
  const ChosenPlan choice = choose("auto", {});
  EXPECT_EQ(to_string(choice.plan.strategy), "cpu fp32");
  EXPECT_EQ(choice.why, "it runs on the CPU: no driver");
  ListedDevice software = gpu(uint64_t{1} << 40);
  software.caps.software = true;
  EXPECT_EQ(to_string(choose("", {software}).plan.strategy), "cpu fp32");
}

TEST_F(AutoStrategy, APrecisionAloneLeavesOnlyTheDeviceOpen) {
  EXPECT_EQ(to_string(choose("auto fp16i8", {gpu(uint64_t{1} << 40)}).plan.strategy), "vulkan:0 fp16i8");
  EXPECT_EQ(to_string(choose("auto fp16i8", {gpu(need("vulkan fp16i8") - 1)}).plan.strategy).find("vulkan:0 fp16i8 *"), 0u);
  EXPECT_EQ(to_string(choose("AUTO FP16I8", {}).plan.strategy), "cpu fp16i8");
}

TEST_F(AutoStrategy, WhatIsWrittenOutIsNotChanged) {
  for (const char* strategy :
       {"cpu fp32", "cpu fp16 *2 -> cpu fp32", "vulkan:0 fp16 *2+", "vulkan:0 fp16 *3 -> cpu fp32"}) {
    const ChosenPlan choice = choose(strategy, {gpu(1000)});  // no limit was set: the driver has the last word
    EXPECT_EQ(to_string(choice.plan.strategy), strategy);
    EXPECT_TRUE(choice.why.empty());
  }
}

TEST_F(AutoStrategy, TheLimitIsForGpusAlone) {
  EXPECT_EQ(to_string(choose("cpu fp32", {}, 1).plan.strategy), "cpu fp32");
  EXPECT_THROW(choose("vulkan fp16", {}, 1000), Error);
  EXPECT_THROW(choose("vulkan fp16 *2 -> cpu fp32", {}, 1000), Error);
}

}  // namespace
}  // namespace fulmar
