// Which rows a step is made of.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fulmar {
namespace {

using testing::ElementsAre;

constexpr uint32_t numbers[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43};

// Slots [first, first + count).
std::span<const uint32_t> slots(uint32_t first, uint32_t count = 1) {
  return std::span(numbers).subspan(first, count);
}
Demand decode(uint32_t slot) {
  return {slot, slots(slot), 1, true};
}
Demand prompt(uint32_t slot, uint32_t rows, Want want = Want::last) {
  return {slot, slots(slot), rows, false, want};
}

StepPlan plan_of(std::vector<Demand> demands, uint32_t rows, uint32_t picks = 64) {
  StepPlan plan;
  plan_step(demands, {rows, picks}, plan);
  return plan;
}

// The slots that draw, by pick; of demands for one slot each.
std::vector<uint32_t> picked_slots(const StepPlan& plan) {
  std::vector<uint32_t> all;
  for (size_t i = 0; i < plan.shares.size(); ++i) {
    EXPECT_EQ(plan.shares[i].first_pick, all.size());
    all.insert(all.end(), plan.shares[i].picks, plan.segments[i].slot);
  }
  return all;
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
  EXPECT_THAT(picked_slots(plan), ElementsAre(1, 2));
}

TEST(Scheduler, AShortPromptIsNotHeldUpByALongOne) {
  const StepPlan plan = plan_of({prompt(0, 4000), prompt(1, 10)}, 64);
  EXPECT_THAT(parts(plan), ElementsAre(P{0, 54}, P{1, 10}));
  EXPECT_THAT(plan.picks, ElementsAre(63));
  EXPECT_THAT(picked_slots(plan), ElementsAre(1));
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

TEST(Scheduler, APromptThatIsOnlyFedIsNotPicked) {
  const StepPlan plan = plan_of({prompt(0, 3, Want::none), prompt(1, 2), decode(2)}, 16);
  EXPECT_THAT(parts(plan), ElementsAre(P{2, 1}, P{0, 3}, P{1, 2}));
  EXPECT_THAT(plan.picks, ElementsAre(0, 5));
  EXPECT_THAT(picked_slots(plan), ElementsAre(2, 1));
}

TEST(Scheduler, APromptsLastRowWaitsWhereNoPickIsLeft) {
  const StepPlan plan = plan_of({decode(0), decode(1), prompt(2, 5), prompt(3, 1)}, 16, 2);
  EXPECT_THAT(parts(plan), ElementsAre(P{0, 1}, P{1, 1}, P{2, 4}));
  EXPECT_THAT(picked_slots(plan), ElementsAre(0, 1));
}

// A mixture of three streams: each is fed the same rows, and each row counts.
TEST(Scheduler, TheStreamsOfAMixtureGoTogether) {
  const StepPlan plan = plan_of({{7, slots(4, 3), 9, false}, prompt(0, 20), {8, slots(10, 2), 1, true}}, 20);
  EXPECT_THAT(parts(plan), ElementsAre(P{10, 1}, P{11, 1}, P{4, 4}, P{5, 4}, P{6, 4}, P{0, 5}));
  EXPECT_THAT(plan.picks, ElementsAre(0, 1));
  ASSERT_EQ(plan.shares.size(), 3u);
  EXPECT_EQ(plan.shares[0].picks, 2u);
  EXPECT_EQ(plan.shares[1].rows, 4u);
  EXPECT_EQ(plan.rows, 19u);  // two odd rows are none for three streams
}

TEST(Scheduler, AMixtureIsPickedWholeOrNotAtAll) {
  EXPECT_THAT(plan_of({{7, slots(4, 3), 2, false}}, 20).picks, ElementsAre(1, 3, 5));
  const StepPlan plan = plan_of({decode(0), {7, slots(4, 3), 2, false}}, 20, 3);
  EXPECT_THAT(plan.picks, ElementsAre(0));
  EXPECT_THAT(parts(plan), ElementsAre(P{0, 1}, P{4, 1}, P{5, 1}, P{6, 1}));
}

TEST(Scheduler, APromptThatIsScoredGetsAllItsRowsPicked) {
  const StepPlan plan = plan_of({prompt(0, 5, Want::all), decode(1), prompt(2, 3)}, 16);
  EXPECT_THAT(parts(plan), ElementsAre(P{1, 1}, P{0, 5}, P{2, 3}));
  EXPECT_THAT(plan.picks, ElementsAre(0, 1, 2, 3, 4, 5, 8));
  EXPECT_EQ(plan.shares[1].first_pick, 1u);
  EXPECT_EQ(plan.shares[1].picks, 5u);
}

// However long they are: others' rows find their picks first.
TEST(Scheduler, ScoredPromptsShareThePicksThatOthersLeave) {
  EXPECT_THAT(parts(plan_of({prompt(0, 4000, Want::all), prompt(1, 4000, Want::all), decode(2), prompt(3, 8)}, 64, 12)),
              ElementsAre(P{2, 1}, P{0, 5}, P{1, 5}, P{3, 8}));
  EXPECT_THAT(parts(plan_of({prompt(0, 4000, Want::all), prompt(1, 2, Want::all)}, 64, 12)), ElementsAre(P{0, 10}, P{1, 2}));
  EXPECT_THAT(parts(plan_of({{7, slots(4, 3), 9, false, Want::all}, decode(0)}, 64, 12)),
              ElementsAre(P{0, 1}, P{4, 3}, P{5, 3}, P{6, 3}));
}

TEST(Scheduler, NothingToDoIsAnEmptyStep) {
  const StepPlan plan = plan_of({}, 8);
  EXPECT_EQ(plan.rows, 0u);
  EXPECT_TRUE(plan.segments.empty());
}

// Over many mixes: no row is lost, none is given twice, no decode row waits, no row of the budget is left unused
// while a prompt wants it that may have it, and no pick is more than the budget; no prompt gets two rows more than
// another that wanted more.
TEST(Scheduler, EveryMixKeepsThePromises) {
  std::mt19937 random(7);
  StepPlan plan;
  for (int round = 0; round < 4000; ++round) {
    const uint32_t count = 1 + random() % 40, rows = count + random() % 100, picks = count + random() % 20;
    const StepBudget budget{rows, picks};
    const bool some_none = round % 2 == 1;
    std::vector<Demand> demands;
    std::map<uint32_t, Demand> by_slot;
    uint32_t wanted = 0;
    for (uint32_t slot = 0; slot < count; ++slot) {
      const Want want = random() % 3 || !some_none ? Want::last : random() % 2 ? Want::none : Want::all;
      demands.push_back(random() % 3 ? prompt(slot, 1 + random() % (random() % 2 ? 8 : 300), want) : decode(slot));
      wanted += demands.back().rows;
      by_slot[slot] = demands.back();
    }
    plan_step(demands, budget, plan);
    ASSERT_EQ(plan.segments.size(), count);  // the budget is at least the slots: everybody moves on
    ASSERT_EQ(plan.shares.size(), count);
    ASSERT_LE(plan.rows, budget.rows);
    ASSERT_LE(plan.picks.size(), budget.picks);
    uint32_t row = 0, most = 0, least_of_unfinished = ~0u;
    bool prompts_began = false, any_scored = false;
    std::vector<uint32_t> expected;
    for (size_t i = 0; i < count; ++i) {
      const ops::Segment& segment = plan.segments[i];
      ASSERT_EQ(segment.first, row);
      row += segment.rows;
      const Demand demand = by_slot.at(segment.slot);
      by_slot.erase(segment.slot);
      ASSERT_TRUE(segment.rows >= 1 && segment.rows <= demand.rows);
      ASSERT_FALSE(demand.decode && prompts_began);
      prompts_began |= !demand.decode;
      const bool ends = segment.rows == demand.rows, scored = demand.want == Want::all;
      any_scored |= scored;
      if (!demand.decode && !scored) most = std::max(most, segment.rows);
      if (!ends && !scored) least_of_unfinished = std::min(least_of_unfinished, segment.rows);
      ASSERT_EQ(demands[plan.shares[i].demand].who, segment.slot);
      ASSERT_EQ(plan.shares[i].rows, segment.rows);
      ASSERT_EQ(plan.shares[i].first_pick, expected.size());
      if (demand.want == Want::last && ends) expected.push_back(row - 1);
      for (uint32_t back = segment.rows; scored && back > 0; --back) expected.push_back(row - back);
      ASSERT_EQ(plan.shares[i].picks, expected.size() - plan.shares[i].first_pick);
    }
    ASSERT_EQ(plan.rows, row);
    ASSERT_EQ(plan.picks, expected);
    if (!any_scored) {  // else picks may run out first
      ASSERT_EQ(plan.rows, std::min(budget.rows, wanted));
    }
    if (least_of_unfinished != ~0u) {
      ASSERT_LE(most, least_of_unfinished + 1);
    }
  }
}

}  // namespace
}  // namespace fulmar
