// A device that is reset, that stops, or whose calls fail: always an Error, never a hang, and nothing is left behind
// (the layer ends the process when a device goes before what was made of it).
#include <gmock/gmock.h>

#include "faults/harness.h"
#include "vulkan/backend.h"

namespace fulmar::faults {
namespace {

using testing::HasSubstr;

class DeviceFaults : public FaultTest {};

// The error that opening `backend` and six steps on it end with, if any.
std::optional<Error> error_of_steps(std::unique_ptr<ops::Backend>& backend) {
  return error_of([&] {
    backend = vulkan::make_backend(0);
    Work work(*backend);
    for (int i = 0; i < 6; ++i) work.step();
  });
}

TEST_F(DeviceFaults, WithoutFaultsAllIsAsWithoutTheLayer) {
  const auto backend = vulkan::make_backend(0);
  Work work(*backend);
  for (int i = 0; i < 12; ++i) work.step();
}

TEST_F(DeviceFaults, AResetIsALostDeviceWhereverItShows) {
  for (const char* words : {"lose_submit=1", "lose_submit=4", "lose_wait=1", "lose_wait=5"}) {
    const Misbehave faults(words);
    std::unique_ptr<ops::Backend> backend;
    const auto error = error_of_steps(backend);
    ASSERT_TRUE(error) << words;
    EXPECT_EQ(error->kind(), ErrorKind::device_lost) << words << ": " << error->what();
    EXPECT_TRUE(!backend || !backend->abandoned()) << words;
  }
  const auto backend = vulkan::make_backend(0);  // and the next one works
  Work(*backend).step();
}

// The layer lets nobody return who waits for a stopped device or destroys it.
TEST_F(DeviceFaults, ADeviceThatStopsIsLostInTimeAndNeverWaitedForAgain) {
  const Setting patience("FULMAR_GPU_TIMEOUT", "0.3");
  for (const char* words : {"stop=1", "stop=3", "stop=7"}) {
    const Misbehave faults(words);
    std::unique_ptr<ops::Backend> backend;
    const auto error = error_of_steps(backend);
    ASSERT_TRUE(error) << words;
    EXPECT_EQ(error->kind(), ErrorKind::device_lost) << words;
    EXPECT_THAT(error->what(), testing::AnyOf(HasSubstr("FULMAR_GPU_TIMEOUT"), HasSubstr("was given up")));
    EXPECT_TRUE(!backend || backend->abandoned()) << words;
  }
}

TEST_F(DeviceFaults, EveryCallThatFailsIsAnErrorAndLeaksNothing) {
  int failed = 0;
  for (int call = 1;; ++call) {
    const Misbehave faults("fail=" + std::to_string(call));
    const auto error = error_of([&] {
      const auto backend = vulkan::make_backend(0);
      Work work(*backend);
      work.step();
      work.step();
    });
    if (!error) break;
    ++failed;
    EXPECT_TRUE(error->kind() == ErrorKind::out_of_memory || error->kind() == ErrorKind::internal)
        << "call " << call << ": " << error->what();
  }
  EXPECT_GT(failed, 60);
}

}  // namespace
}  // namespace fulmar::faults
