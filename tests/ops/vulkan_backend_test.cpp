// The Vulkan backend's own promises: copies, barriers, long steps in parts, the pipeline cache, shapes of
// kernels.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <filesystem>
#include <fstream>
#include <numeric>

#include "device_under_test.h"
#include "fulmar/error.h"
#include "vulkan/backend.h"
#include "vulkan/cache_file.h"
#include "vulkan/linear_shape.h"
#include "vulkan/program.h"

namespace fulmar::vulkan {
namespace {

class VulkanBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (enumerate(why).empty()) GTEST_SKIP() << why;
    backend_ = make_backend(device_under_test());
  }
  std::unique_ptr<ops::Backend> backend_;
};

TEST_F(VulkanBackendTest, BuffersStartAtZeroAndUploadsLandInOrder) {
  const size_t count = 9 << 20;  // 36 MiB: more than two staging blocks
  std::vector<uint32_t> numbers(count), back(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  const auto first = backend_->allocate(count * 4 + 12, ops::Where::device);
  const auto second = backend_->allocate(count * 4, ops::Where::device);
  backend_->download(std::as_writable_bytes(std::span(back)), *first, 12);
  EXPECT_EQ(std::count(back.begin(), back.end(), 0u), static_cast<ptrdiff_t>(count));
  backend_->upload(*first, 12, std::as_bytes(std::span(numbers)));
  const uint32_t newer[2] = {7, 8};
  backend_->upload(*first, 12, std::as_bytes(std::span(newer)));
  backend_->copy(*second, 0, *first, 12, count * 4);
  backend_->download(std::as_writable_bytes(std::span(back)), *second, 0);
  numbers[0] = 7;
  numbers[1] = 8;
  EXPECT_TRUE(back == numbers);
}

TEST_F(VulkanBackendTest, SaysHowMuchMemoryWasAskedFor) {
  try {
    backend_->allocate(uint64_t{1} << 50, ops::Where::device);
    FAIL() << "a pebibyte was allocated";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("1073741824 MiB"), std::string::npos) << error.what();
  }
}

TEST_F(VulkanBackendTest, RefusesCopiesPastTheEnd) {
  const auto buffer = backend_->allocate(64, ops::Where::device);
  const std::vector<std::byte> bytes(32);
  EXPECT_THROW(backend_->upload(*buffer, 40, bytes), Error);
  EXPECT_THROW(backend_->copy(*buffer, 0, *buffer, ~uint64_t{0}, 8), Error);
}

// x -> a -> b -> y, each an f32 matrix that moves every element one place on and doubles it.
ops::Tape chain(uint32_t C, std::vector<std::vector<float>>& weights) {
  ops::Tape tape;
  ops::ValueId x = tape.value("x", C);
  tape.inputs = {x};
  for (int i = 0; i < 3; ++i) {
    std::vector<float> w(C * C);
    for (uint32_t c = 0; c < C; ++c) w[((c + 1) % C) * C + c] = 2;
    weights.push_back(w);
    const ops::ValueId y = tape.value("y", C);
    tape.ops.push_back(ops::Linear{x, y, tape.weight("w", C, C, Format::f32)});
    x = y;
  }
  tape.outputs = {x};
  return tape;
}

TEST_F(VulkanBackendTest, AStepInPartsEqualsTheStepInOne) {
  constexpr uint32_t C = 32, T = 3;
  std::string why;
  const Instance& instance = *Instance::open(why);
  const auto context = std::make_shared<ProgramContext>(instance, instance.devices()[0]);
  std::vector<std::vector<float>> weights;
  const ops::Tape tape = chain(C, weights);
  const ops::BatchShape shape{T, 1, 0};
  ops::Memory memory;
  std::vector<std::unique_ptr<DeviceBuffer>> buffers;
  for (const auto& w : weights) {
    buffers.push_back(std::make_unique<DeviceBuffer>(context, w.size() * 4, MemoryKind::device));
    context->transfers.upload(buffers.back()->memory(), 0, std::as_bytes(std::span(w)));
    memory.weights.push_back({buffers.back().get(), 0});
  }
  DeviceBuffer activations(context, ops::plan_arena(tape, shape).bytes, MemoryKind::device);
  memory.activations = &activations;
  std::vector<float> x(C * T);
  std::iota(x.begin(), x.end(), 1.0f);
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, T};
  const ops::Batch batch{T, {&segment, 1}, {}, {&input, 1}};

  RecordedProgram whole(context, tape, memory, shape, false), parts(context, tape, memory, shape, false, 0.0);
  EXPECT_EQ(whole.parts(), 1u);
  EXPECT_EQ(parts.parts(), 3u) << "three rows fit one workgroup, which cannot be cut";
  for (RecordedProgram* program : {&whole, &parts}) {
    program->start(batch);
    const auto out = program->finish();
    ASSERT_EQ(out[0].size(), x.size());
    for (uint32_t row = 0; row < T; ++row)
      for (uint32_t c = 0; c < C; ++c) EXPECT_EQ(out[0][row * C + (c + 3) % C], 8 * x[row * C + c]);
  }
}

TEST_F(VulkanBackendTest, TimesEveryLaunchWhenAsked) {
  constexpr uint32_t C = 256;
  std::vector<std::vector<float>> weights;
  const ops::Tape tape = chain(C, weights);
  const ops::BatchShape shape{1, 1, 0};
  ops::Memory memory;
  const auto w = backend_->allocate(C * C * 4, ops::Where::device);
  memory.weights.assign(3, {w.get(), 0});
  const auto activations = backend_->allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
  memory.activations = activations.get();
  const std::vector<float> x(C);
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, 1};
  const auto program = backend_->compile(tape, memory, shape, true);
  program->start({1, {&segment, 1}, {}, {&input, 1}});
  program->finish();
  const auto times = program->times();
  ASSERT_EQ(times.size(), 3u);
  double seconds = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(times[i].first_op, i);
    seconds += times[i].seconds;
  }
  EXPECT_GT(seconds, 0);
}

TEST(VulkanLinearShape, EveryDeviceGetsWholeSubgroupsAndPowersOfTwo) {
  for (const uint32_t subgroup : {4u, 8u, 16u, 32u, 64u, 128u})
    for (const bool software : {false, true})
      for (const uint32_t rows : {1u, 3u, 8u})
        for (const uint32_t outputs : {1u, 32u, 2048u, 65536u})
          for (const uint32_t chunks : {1u, 3u, 8u, 128u, 256u, 2048u}) {
            LinearDevice device{subgroup};
            device.software = software;
            const VecShape s = vec_shape(rows, outputs, chunks * 32, 32, device);
            EXPECT_EQ(s.threads % subgroup, 0u);
            EXPECT_LE(s.threads, 256u);
            EXPECT_GE(s.T, rows);
            EXPECT_EQ(subgroup % s.lanes, 0u);
            EXPECT_GE(s.outputs(), 1u);
            EXPECT_TRUE(!s.split || s.R * s.T <= s.threads) << "one thread stores one sum";
          }
}

TEST(VulkanCacheFile, DamagedFilesAreIgnored) {
  const auto path = std::filesystem::temp_directory_path() / "fulmar_cache_file_test" / "cache.bin";
  std::vector<std::byte> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  write_cache_file(path, bytes);
  EXPECT_EQ(read_cache_file(path), bytes);
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(500);
    file.put('!');
  }
  EXPECT_TRUE(read_cache_file(path).empty());
  write_cache_file(path, bytes);
  std::filesystem::resize_file(path, 300);
  EXPECT_TRUE(read_cache_file(path).empty());
  std::filesystem::resize_file(path, 3);
  EXPECT_TRUE(read_cache_file(path).empty());
  std::filesystem::remove_all(path.parent_path());
  EXPECT_TRUE(read_cache_file(path).empty());
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
