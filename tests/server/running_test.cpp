// Paused answers are bounded in number, bytes and time: what goes on later must not fill the memory.
#include "answer/running.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "server/fake_engine.h"

namespace fulmar::test {
namespace {

using api::PausedAnswer;
using api::Running;

// Its streams have a state of one MiB each, which is one and the same here.
PausedAnswer answer(const std::string& id, size_t streams = 0) {
  static const StatePtr state = [] {
    auto made = std::make_shared<State>();
    made->floats.resize((1 << 20) / sizeof(float));
    return made;
  }();
  static const std::shared_ptr<Engine> engine = std::make_shared<FakeEngine>();
  PausedAnswer paused;
  paused.id = id;
  paused.engine = engine;
  Request& request = paused.rest.emplace_back();
  request.prompt = std::make_shared<const Prompt>();
  request.streams.resize(streams);
  for (Stream& stream : request.streams) stream.start = state;
  return paused;
}

TEST(Running, TheAnswerPausedFirstIsForgottenWhereThereAreTooMany) {
  Running running;
  for (size_t i = 0; i < api::kPausedAnswers; ++i) running.keep(answer(fmt::format("{}", i)));
  EXPECT_TRUE(running.is_paused("0"));
  running.keep(answer("one more"));
  EXPECT_FALSE(running.is_paused("0"));
  EXPECT_TRUE(running.is_paused("1"));
  EXPECT_EQ(running.paused().size(), api::kPausedAnswers);
}

TEST(Running, OrWhereTheirStatesAreTooLarge) {
  Running running;
  for (size_t i = 0; i < (api::kPausedBytes >> 20) / 64; ++i) running.keep(answer(fmt::format("{}", i), 64));
  EXPECT_FALSE(running.is_paused("0")) << "with what else they are made of";
  EXPECT_TRUE(running.is_paused("1"));
}

TEST(Running, OrAfterSomeTime) {
  Running running;
  PausedAnswer old = answer("old");
  old.since -= api::kPausedTime + std::chrono::seconds(1);
  running.keep(std::move(old));
  EXPECT_FALSE(running.take("old", "").has_value());
  running.keep(answer("new"));
  const auto told = running.paused();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_GT(told[0].left, std::chrono::seconds(0));
  EXPECT_LE(told[0].left, api::kPausedTime);
}

TEST(Running, OrWhereTheirModelIsGone) {
  Running running;
  PausedAnswer paused = answer("a");
  paused.engine = std::make_shared<FakeEngine>();  // which nobody keeps
  running.keep(std::move(paused));
  EXPECT_TRUE(running.paused().empty());
}

TEST(Running, ASessionsLastOneGoesOnAndEachOnlyOnce) {
  Running running;
  for (const char* id : {"a", "b", "c"}) {
    PausedAnswer paused = answer(id);
    if (*id != 'c') paused.session = "talk";
    running.keep(std::move(paused));
  }
  EXPECT_EQ(running.take("", "talk")->id, "b");
  EXPECT_EQ(running.take("", "talk")->id, "a");
  EXPECT_FALSE(running.take("", "talk").has_value());
  EXPECT_FALSE(running.take("", "").has_value());
  EXPECT_EQ(running.take("c", "talk")->id, "c");
  EXPECT_FALSE(running.take("c", "").has_value());
}

TEST(Running, NamesAreNotGivenTwice) {
  Running running;
  const std::string first = running.next_id();
  EXPECT_TRUE(first.starts_with("req-") && first.ends_with("-1")) << first;
  EXPECT_NE(running.next_id(), first);
}

}  // namespace
}  // namespace fulmar::test
