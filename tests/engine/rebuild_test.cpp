// What users see of a lost device: an error for those it was working for, a reason for those who come meanwhile, and
// the same answers as before once it is back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/fail.h"
#include "engine/fake_model.h"

namespace fulmar {
namespace {

using testing::HasSubstr;

ErrorKind refused(Engine& engine) {
  try {
    listen_to(engine, ask("x", 1));
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

TEST(Rebuild, ALostDeviceComesBackAndAnswersAsBefore) {
  Gate back;
  FakeOptions options{.slots = 2};
  std::atomic<bool> loses = false;
  options.before_step = [&](uint64_t) {
    if (loses.exchange(false)) fail(ErrorKind::device_lost, "the driver reset the GPU");
  };
  options.rebuild = [&](const std::function<void()>& checkpoint) {
    checkpoint();
    back.wait();
  };
  const auto engine = make_fake_engine(options);
  const auto before = listen_to(*engine, ask("hello", 20));
  ASSERT_EQ(before->wait(), Finish::length);

  std::vector<std::shared_ptr<Listener>> under_way;
  for (int i = 0; i < 5; ++i) under_way.push_back(listen_to(*engine, ask("x", 1'000'000)));
  loses = true;
  for (const auto& listener : under_way) {
    EXPECT_EQ(listener->wait(), Finish::failed);
    EXPECT_EQ(listener->error_kind(), ErrorKind::device_lost);
  }
  back.wait_for_visitor();
  EXPECT_THAT(engine->trouble(), HasSubstr("the driver reset the GPU"));
  EXPECT_THAT(engine->trouble(), HasSubstr("is being set up again"));
  EXPECT_EQ(refused(*engine), ErrorKind::unavailable);
  back.open();
  ASSERT_TRUE(eventually([&] { return engine->trouble().empty(); }));
  const auto after = listen_to(*engine, ask("hello", 20));
  EXPECT_EQ(after->wait(), Finish::length);
  EXPECT_EQ(after->text(), before->text());
}

TEST(Rebuild, ADriverThatNeedsAWhileIsAskedAgain) {
  FakeOptions options;
  options.before_step = [](uint64_t step) {
    if (step == 1) fail(ErrorKind::device_lost, "the driver reset the GPU");
  };
  std::atomic<int> asked = 0;
  options.rebuild = [&](const std::function<void()>&) {
    const int time = ++asked;
    if (time == 1) fail(ErrorKind::device_lost, "it is not there");
    if (time == 2) fail(ErrorKind::internal, "opening the device: VK_ERROR_INITIALIZATION_FAILED");
  };
  const auto engine = make_fake_engine(options);
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::failed);
  EXPECT_TRUE(eventually([&] { return engine->trouble().empty(); }));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::length);
}

TEST(Rebuild, ADeviceThatIsLostAgainAtOnceIsGivenUp) {
  FakeOptions options;
  options.before_step = [](uint64_t) { fail(ErrorKind::device_lost, "the driver reset the GPU"); };
  std::atomic<int> rebuilt = 0;
  options.rebuild = [&](const std::function<void()>&) { ++rebuilt; };
  const auto engine = make_fake_engine(options);
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::failed);
  ASSERT_TRUE(eventually([&] { return engine->trouble().empty(); }));
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::failed);
  EXPECT_TRUE(eventually([&] { return testing::Value(engine->trouble(), HasSubstr("restart the server")); }));
  EXPECT_THAT(engine->trouble(), HasSubstr("second time within a minute"));
  EXPECT_EQ(rebuilt, 1);
}

TEST(Rebuild, ADeviceThatCannotBeSetUpAgainSaysWhy) {
  FakeOptions options;
  options.before_step = [](uint64_t) { fail(ErrorKind::device_lost, "the driver reset the GPU"); };
  options.rebuild = [](const std::function<void()>&) { fail(ErrorKind::out_of_memory, "there is no room"); };
  const auto engine = make_fake_engine(options);
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::failed);
  EXPECT_TRUE(eventually([&] { return testing::Value(engine->trouble(), HasSubstr("there is no room")); }));
  EXPECT_EQ(refused(*engine), ErrorKind::unavailable);
}

TEST(Rebuild, ShuttingDownDoesNotWaitUntilTheModelIsLoadedAgain) {
  FakeOptions options;
  options.before_step = [](uint64_t) { fail(ErrorKind::device_lost, "the driver reset the GPU"); };
  options.rebuild = [](const std::function<void()>& checkpoint) {
    for (;;) {  // a load without end
      checkpoint();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  const auto engine = make_fake_engine(options);
  EXPECT_EQ(listen_to(*engine, ask("x", 1))->wait(), Finish::failed);
  engine->drain(1e6);
  EXPECT_THAT(engine->trouble(), HasSubstr("shutting down"));
}

}  // namespace
}  // namespace fulmar
