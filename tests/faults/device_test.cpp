// A device that is reset, that stops, or whose calls fail: always an Error, never a hang, and nothing is left behind
// (the layer ends the process when a device goes before what was made of it).
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "faults/harness.h"
#include "vulkan/backend.h"
#include "vulkan/program.h"

namespace fulmar::faults {
namespace {

using testing::HasSubstr;

class DeviceFaults : public FaultTest {};

// Opening a device that does such a thing and six steps on it end with its loss; the error's words.
std::string expect_lost(const char* words, bool abandoned) {
  const Misbehave faults(words);
  std::unique_ptr<ops::Backend> backend;
  const auto error = error_of([&] {
    backend = vulkan::make_backend(0);
    Work work(*backend);
    for (int i = 0; i < 6; ++i) work.step();
  });
  if (!error) {
    ADD_FAILURE() << words << ": no error";
    return {};
  }
  EXPECT_EQ(error->kind(), ErrorKind::device_lost) << words << ": " << error->what();
  EXPECT_TRUE(!backend || backend->abandoned() == abandoned) << words;
  return error->what();
}

TEST_F(DeviceFaults, WithoutFaultsAllIsAsWithoutTheLayer) {
  const auto backend = vulkan::make_backend(0);
  Work work(*backend);
  for (int i = 0; i < 12; ++i) work.step();
}

TEST_F(DeviceFaults, AResetIsALostDeviceWhereverItShows) {
  for (const char* words : {"lose_submit=1", "lose_submit=4", "lose_wait=1", "lose_wait=5"})
    expect_lost(words, false);
  const auto backend = vulkan::make_backend(0);  // and the next one works
  Work(*backend).step();
}

// The layer lets nobody return who waits for a stopped device or destroys it.
TEST_F(DeviceFaults, ADeviceThatStopsIsLostInTimeAndNeverWaitedForAgain) {
  const Setting patience("FULMAR_GPU_TIMEOUT", "0.3");
  for (const char* words : {"stop=1", "stop=3", "stop=7"})
    EXPECT_THAT(expect_lost(words, true),
                testing::AnyOf(HasSubstr("FULMAR_GPU_TIMEOUT"), HasSubstr("was given up")));
}

TEST_F(DeviceFaults, APatienceThatIsNoNumberIsRefusedByItsName) {
  for (const char* words : {"abc", "3 minutes", "0", "-1", "nan"}) {
    const Setting patience("FULMAR_GPU_TIMEOUT", words);
    const std::optional<Error> error = error_of([] { vulkan::make_backend(0); });
    ASSERT_TRUE(error) << words;
    EXPECT_EQ(error->kind(), ErrorKind::misuse);
    EXPECT_THAT(error->what(), HasSubstr("FULMAR_GPU_TIMEOUT"));
  }
}

// Where waits for it do not return soon either: it can still be set up again, which an abandoned one cannot.
TEST_F(DeviceFaults, ALostDeviceIsNotWaitedForOnceItsDriverHasSaidSo) {
  const Setting patience("FULMAR_GPU_TIMEOUT", "0.3");
  for (const char* words : {"lose_submit=1 silent", "lose_submit=4 silent"}) expect_lost(words, false);
}

// The layer ends the process when a command buffer is submitted while it runs.
TEST_F(DeviceFaults, AStepThatFailedHalfwayIsWaitedForBeforeTheNext) {
  const auto file = std::filesystem::temp_directory_path() / ("fulmar_fault_" + std::to_string(std::random_device{}()));
  const Setting watched("FULMAR_FAULT_FILE", file.string());
  constexpr uint32_t C = 512, T = 64;
  const auto backend = vulkan::make_backend(0);
  ops::Tape tape;
  tape.inputs = {tape.value("x", C)};
  tape.outputs = {tape.value("y", C)};
  const ops::ValueId between = tape.value("z", C);
  tape.ops.push_back(ops::Linear{tape.inputs[0], between, tape.weight("w", C, C, Format::f32)});
  tape.ops.push_back(ops::Linear{between, tape.outputs[0], tape.weight("w", C, C, Format::f32)});
  std::vector<float> twice(C * C), x(C * T, 1);
  for (uint32_t c = 0; c < C; ++c) twice[c * C + c] = 2;
  const ops::BatchShape shape{T, 1, 0};
  const auto weight = backend->allocate(twice.size() * 4, ops::Where::device);
  backend->upload(*weight, 0, std::as_bytes(std::span(twice)));
  const auto activations = backend->allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
  ops::Memory memory;
  memory.weights.assign(2, {weight.get(), 0});
  memory.activations = activations.get();
  vulkan::RecordedProgram program(dynamic_cast<vulkan::DeviceBuffer&>(*weight).context(), tape, memory, shape, false,
                                  0.0);
  ASSERT_GT(program.parts(), 1u);
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, T};
  const ops::Batch batch{T, {&segment, 1}, {}, {&input, 1}};
  program.start(batch);
  EXPECT_EQ(program.finish()[0][5], 4);
  std::ofstream(file) << "fail=2";
  const auto error = error_of([&] { program.start(batch); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::out_of_memory);
  program.start(batch);
  for (const float y : program.finish()[0]) ASSERT_EQ(y, 4);
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
