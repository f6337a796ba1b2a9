// Which rows a step is made of.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fulmar {
namespace {

using testing::ElementsAre;

Demand decode(uint32_t slot) {
  return {slot, 1, true};
}
Demand prompt(uint32_t slot, uint32_t rows) {
  return {slot, rows, false};
}

StepPlan plan_of(std::vector<Demand> demands, uint32_t budget) {
  StepPlan plan;
  plan_step(demands, budget, plan);
  return plan;
}

// Slot and rows of each segment, in order.
std::vector<std::pair<uint32_t, uint32_t>> parts(const StepPlan& plan) {
  std::vector<std::pair<uint32_t, uint32_t>> all;
  for (const ops::Segment& segment : plan.segments) all.emplace_back(segment.slot, segment.rows);
  return all;
}

using P = std::pair<uint32_t, uint32_t>;

TEST(Scheduler, DecodeRowsComeBeforePromptsThatArrivedEarlier) {
  const StepPlan plan = plan_of({prompt(0, 4000), decode(1), decode(2)}, 16);
  EXPECT_THAT(parts(plan), ElementsAre(P{1, 1}, P{2, 1}, P{0, 14}));
  EXPECT_THAT(plan.picks, ElementsAre(0, 1));
  EXPECT_THAT(plan.picked_slots, ElementsAre(1, 2));
}

TEST(Scheduler, AShortPromptIsNotHeldUpByALongOne) {
  const StepPlan plan = plan_of({prompt(0, 4000), prompt(1, 10)}, 64);
  EXPECT_THAT(parts(plan), ElementsAre(P{0, 54}, P{1, 10}));
  EXPECT_THAT(plan.picks, ElementsAre(63));
  EXPECT_THAT(plan.picked_slots, ElementsAre(1));
}

TEST(Scheduler, LongPromptsShareEvenlyAndOddRowsGoToTheEarliest) {
  EXPECT_THAT(parts(plan_of({prompt(5, 100), prompt(6, 100), prompt(7, 100)}, 32)),
              ElementsAre(P{5, 11}, P{6, 11}, P{7, 10}));
}

TEST(Scheduler, WithMorePromptsThanRowsTheEarliestGetOneEach) {
  EXPECT_THAT(parts(plan_of({prompt(3, 9), prompt(1, 9), prompt(2, 9)}, 2)), ElementsAre(P{3, 1}, P{1, 1}));
}

TEST(Scheduler, APromptsLastRowIsPickedAndNoOtherRow) {
  EXPECT_TRUE(plan_of({prompt(0, 9)}, 8).picks.empty());
  EXPECT_THAT(plan_of({prompt(0, 9)}, 9).picks, ElementsAre(8));
}

TEST(Scheduler, NothingToDoIsAnEmptyStep) {
  const StepPlan plan = plan_of({}, 8);
  EXPECT_EQ(plan.rows, 0u);
  EXPECT_TRUE(plan.segments.empty());
}

// Over many mixes: no row is lost, none is given twice, no decode row waits and no row of the budget is left
// unused while a prompt wants it; no prompt gets two rows more than another that wanted more.
TEST(Scheduler, EveryMixKeepsThePromises) {
  std::mt19937 random(7);
  StepPlan plan;
  for (int round = 0; round < 2000; ++round) {
    const uint32_t count = 1 + random() % 40, budget = count + random() % 100;
    std::vector<Demand> demands;
    std::map<uint32_t, Demand> by_slot;
    uint32_t wanted = 0;
    for (uint32_t slot = 0; slot < count; ++slot) {
      demands.push_back(random() % 3 ? prompt(slot, 1 + random() % (random() % 2 ? 8 : 300)) : decode(slot));
      wanted += demands.back().rows;
      by_slot[slot] = demands.back();
    }
    plan_step(demands, budget, plan);
    ASSERT_EQ(plan.rows, std::min(budget, wanted));
    ASSERT_EQ(plan.segments.size(), count);  // budget >= slots: everybody moves on
    uint32_t row = 0, most = 0, least_of_unfinished = ~0u;
    size_t pick = 0;
    bool prompts_began = false;
    for (const ops::Segment& segment : plan.segments) {
      ASSERT_EQ(segment.first, row);
      row += segment.rows;
      const Demand demand = by_slot.at(segment.slot);
      by_slot.erase(segment.slot);
      ASSERT_TRUE(segment.rows >= 1 && segment.rows <= demand.rows);
      ASSERT_FALSE(demand.decode && prompts_began);
      prompts_began |= !demand.decode;
      if (!demand.decode) most = std::max(most, segment.rows);
      if (segment.rows < demand.rows) {
        least_of_unfinished = std::min(least_of_unfinished, segment.rows);
      } else {
        ASSERT_LT(pick, plan.picks.size());
        ASSERT_EQ(plan.picks[pick], row - 1);
        ASSERT_EQ(plan.picked_slots[pick++], segment.slot);
      }
    }
    ASSERT_EQ(pick, plan.picks.size());
    if (least_of_unfinished != ~0u) {
      ASSERT_LE(most, least_of_unfinished + 1);
    }
  }
}

}  // namespace
}  // namespace fulmar
