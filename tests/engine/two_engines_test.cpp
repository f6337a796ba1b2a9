// Two engines of one store, as a model that goes and comes back has: turns of a session run one after another all the same.
#include <gtest/gtest.h>

#include "engine/asking.h"

namespace fulmar {
namespace {

// An engine whose turns stand at a step, and another one of the same model.
class TwoEngines : public testing::Test {
 protected:
  std::unique_ptr<Engine> make(FakeOptions model) { return make_fake_engine(std::move(model), {.sessions = sessions_}); }
  std::unique_ptr<Engine> make_held() {
    FakeOptions model;
    model.before_step = [this](uint64_t step) {
      if (step == 12) gate_.wait();
    };
    return make(std::move(model));
  }

  Gate gate_;
  const std::shared_ptr<StateStore> sessions_ = StateStore::open({});
};

TEST_F(TwoEngines, ATurnWaitsForTheOneThatTheOtherRuns) {
  const auto old = make_held(), young = make({});
  answer(*old, turn_of("one", 4, "s"));                           // steps 1 to 4
  const auto first = listen_to(*old, turn_of("two", 20, "s"));    // stands at step 12
  gate_.wait_for_visitor();
  const auto second = listen_to(*young, turn_of("three", 5, "s"));
  EXPECT_EQ(answer(*young, turn_of("else", 5, "t")), whole("else", 5)) << "it holds up others";
  EXPECT_EQ(answer(*young, ask("alone", 5)), whole("alone", 5));
  EXPECT_TRUE(second->events().empty());
  gate_.open();
  ASSERT_EQ(first->wait(), Finish::length) << first->error();
  ASSERT_EQ(second->wait(), Finish::length) << second->error();
  const std::string one = whole("one", 4), two = whole("one" + one + "two", 20);
  EXPECT_EQ(first->text(), two);
  EXPECT_EQ(second->text(), whole("one" + one + "two" + two + "three", 5));
}

TEST_F(TwoEngines, ASessionThatIsNewHasOneTurnAtATimeToo) {
  const auto old = make_held(), young = make({});
  const auto first = listen_to(*old, turn_of("two", 20, "s"));
  gate_.wait_for_visitor();
  const auto second = listen_to(*young, turn_of("three", 5, "s"));
  EXPECT_EQ(answer(*young, ask("alone", 5)), whole("alone", 5));
  gate_.open();
  ASSERT_EQ(first->wait(), Finish::length) << first->error();
  ASSERT_EQ(second->wait(), Finish::length) << second->error();
  EXPECT_EQ(second->text(), whole("two" + first->text() + "three", 5));
}

TEST_F(TwoEngines, OneThatEndsGivesItsTurnsUp) {
  auto old = make_held();
  const auto young = make({});
  answer(*old, turn_of("one", 4, "s"));
  const auto first = listen_to(*old, turn_of("two", 100'000, "s"));
  gate_.wait_for_visitor();
  const auto second = listen_to(*young, turn_of("three", 5, "s"));
  EXPECT_EQ(answer(*young, ask("alone", 5)), whole("alone", 5));
  gate_.open();
  old->drain(0, "it goes");
  EXPECT_EQ(first->wait(), Finish::cancelled);
  old.reset();
  ASSERT_EQ(second->wait(), Finish::length) << second->error();
  EXPECT_EQ(second->text(), whole("one" + whole("one", 4) + "three", 5));
}

TEST_F(TwoEngines, WhoLeavesWhileTheOtherRunsKeepsNoPlaceInTheQueue) {
  const auto old = make_held(), young = make({});
  const auto first = listen_to(*old, turn_of("two", 20, "s"));
  gate_.wait_for_visitor();
  const auto second = listen_to(*young, turn_of("three", 5, "s"));
  EXPECT_EQ(answer(*young, ask("alone", 5)), whole("alone", 5));
  EXPECT_EQ(young->stats().queued, 1u);
  second->close();
  EXPECT_TRUE(eventually([&] { return young->stats().queued == 0; }));
  gate_.open();
  EXPECT_EQ(first->wait(), Finish::length) << first->error();
}

}  // namespace
}  // namespace fulmar
