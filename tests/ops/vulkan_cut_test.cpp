// Long steps in short submits: every kernel cut by rows gives the same bits as in one launch, parts follow the speed
// that the device shows, and no grid is larger than the device's.
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <cmath>
#include <cstring>
#include <optional>

#include "device_under_test.h"
#include "fulmar/error.h"
#include "ops/harness.h"
#include "ops/state_memory.h"
#include "vulkan/backend.h"
#include "vulkan/program.h"

namespace fulmar::vulkan {
namespace {

using namespace ops;

constexpr uint32_t C = 64, N = 16, H = C / N;

// Norm and shift, linear, the three recurrences where they are wanted, and a pick.
Tape kernels(bool recurrences) {
  Tape tape;
  const auto matrix = [&](ValueId x, uint32_t act) {
    const ValueId y = tape.value("y", C);
    Linear linear{x, y, tape.weight("w", C, C, Format::f16)};
    linear.act = act;
    tape.ops.push_back(linear);
    return y;
  };
  const ValueId x = tape.value("x", C), normed = tape.value("n", C), shifted = tape.value("s", C);
  tape.inputs = {x};
  tape.ops.push_back(Norm{x, normed, tape.vector("nw", C), tape.vector("nb", C), 1e-5f});
  Shift shift{};
  shift.x = normed;
  shift.count = 1;
  shift.outputs[0] = {shifted, tape.vector("mix", C), none};
  tape.ops.push_back(shift);
  uint32_t state = C;
  const ValueId picked = tape.value("p", C, true), logits = tape.value("l", 40, true);
  const ValueId r = matrix(shifted, shared::ACT_TANH), k = matrix(shifted, shared::ACT_TANH),
                v = matrix(shifted, shared::ACT_TANH), a = matrix(shifted, shared::ACT_SIGMOID);
  const auto finish = [&](ValueId y) {
    tape.ops.push_back(Pick{y, picked});
    tape.ops.push_back(Linear{picked, logits, tape.weight("head", 40, C, Format::f16)});
    tape.outputs = {y, logits};
    tape.state_floats = state;
    return tape;
  };
  if (!recurrences) return finish(a);
  Mix4 four{};
  four.r = r, four.k = k, four.v = v, four.y = tape.value("m4", C);
  four.decay = tape.vector("d", C), four.first = tape.vector("f", C);
  four.state = state;
  tape.ops.push_back(four);
  state += 3 * C;
  Mix6 six{};
  six.r = r, six.k = k, six.v = four.y, six.norm_eps = 1e-5f, six.y = tape.value("m6", C);
  six.decay = tape.vector("d", C), six.first = tape.vector("f", C);
  six.norm_weight = tape.vector("gw", C), six.norm_bias = tape.vector("gb", C);
  six.heads = H, six.head_size = N, six.state = state;
  tape.ops.push_back(six);
  state += C * N;
  Mix7 seven{};
  seven.r = r, seven.w = matrix(six.y, shared::ACT_DECAY7), seven.k = k, seven.v = six.y, seven.a = a, seven.g = r;
  seven.k_k = tape.vector("kk", C), seven.k_a = tape.vector("ka", C), seven.r_k = tape.vector("rk", C);
  seven.norm_weight = tape.vector("gw", C), seven.norm_bias = tape.vector("gb", C);
  seven.y = tape.value("m7", C), seven.norm_eps = 1e-5f;
  seven.heads = H, seven.head_size = N, seven.state = state;
  tape.ops.push_back(seven);
  state += C * N;
  return finish(seven.y);
}

constexpr ops::Range positive{0.02f, 0.9f};  // no sum of many comes near zero

class VulkanCutTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (enumerate(why).empty()) GTEST_SKIP() << why;
    backend_ = make_backend(device_under_test());
    context_ = dynamic_cast<DeviceBuffer&>(*backend_->allocate(4, Where::device)).context();
  }

  // A program for steps of T rows, with all that it needs.
  struct Made {
    uint32_t T;
    Tape tape;
    Memory memory;
    std::vector<std::unique_ptr<Buffer>> buffers;
    std::unique_ptr<StateMemory> states;
    std::unique_ptr<RecordedProgram> program;
  };
  // With parts of at most so many seconds, or as the device has them.
  Made make(uint32_t T, bool recurrences, std::optional<double> longest_part = {}) {
    Made made{T, kernels(recurrences), {}, {}, {}, {}};
    auto& [rows, tape, memory, buffers, states, program] = made;
    const BatchShape shape{T, 3, 20};
    uint32_t seed = 1;
    for (const Weight& w : tape.weights) {
      const FormatInfo& format = info(w.format);
      const std::vector<float> values = random_floats(uint64_t{w.rows} * w.cols, seed++, positive);
      std::vector<std::byte> bytes(format.matrix_bytes(w.rows, w.cols));
      for (uint32_t row = 0; row < w.rows; ++row)
        format.encode_row(bytes.data(), w.rows, w.cols, row, values.data() + uint64_t{row} * w.cols);
      buffers.push_back(backend_->allocate(bytes.size(), Where::device));
      backend_->upload(*buffers.back(), 0, bytes);
      memory.weights.push_back({buffers.back().get(), 0});
    }
    buffers.push_back(backend_->allocate(plan_arena(tape, shape).bytes, Where::device));
    memory.activations = buffers.back().get();
    states = backend_->make_states(tape, 4);
    memory.states = states.get();
    program = std::make_unique<RecordedProgram>(context_, tape, memory, shape, false,
                                                longest_part.value_or(context_->device.longest_part()));
    return made;
  }
  // Outputs and states after a step.
  std::vector<float> step(Made& made) {
    const uint32_t T = made.T;
    StateMemory& states = *made.states;
    for (uint32_t slot = 0; slot < 4; ++slot)
      states.write(slot, random_floats(made.tape.state_floats, 100 + slot, positive));
    const std::vector<Segment> segments = {{3, 0, 1}, {0, 1, T / 2}, {2, 1 + T / 2, T - 1 - T / 2}};
    std::vector<uint32_t> picks;
    for (uint32_t row = 0; row < T; row += 5) picks.push_back(row);
    std::vector<float> all;
    const std::vector<float> x = random_floats(uint64_t{T} * C, 50, positive);
    const std::span<const float> input(x);
    made.program->start({T, segments, picks, {&input, 1}});
    for (const std::span<const float> out : made.program->finish()) all.insert(all.end(), out.begin(), out.end());
    std::vector<float> state(made.tape.state_floats);
    for (uint32_t slot = 0; slot < 4; ++slot) {
      states.read(slot, state);
      all.insert(all.end(), state.begin(), state.end());
    }
    return all;
  }

  std::unique_ptr<Backend> backend_;
  std::shared_ptr<ProgramContext> context_;
};

TEST_F(VulkanCutTest, AStepCutByRowsGivesTheSameBits) {
  struct Way {
    uint32_t T;
    bool recurrences;
    double longest_part;
    size_t least_parts;
  };
  for (const Way& way : {Way{12, true, 0, 4 * 12},     // row by row
                         Way{90, true, 1e-4, 3 * 8},   // several rows of a recurrence at a time
                         Way{70, false, 0, 70 + 4}}) {  // and more than one workgroup of linear's rows
    Made in_one = make(way.T, way.recurrences, 1e9), in_parts = make(way.T, way.recurrences, way.longest_part);
    const std::vector<float> whole = step(in_one), cut = step(in_parts);
    EXPECT_EQ(in_one.program->parts(), 1u);
    EXPECT_GE(in_parts.program->parts(), way.least_parts) << way.T;
    ASSERT_EQ(whole.size(), cut.size());
    for (const float x : whole) ASSERT_TRUE(std::isfinite(x));
    EXPECT_EQ(std::memcmp(whole.data(), cut.data(), whole.size() * 4), 0) << way.T;
  }
}

Launch launch_of(uint32_t rows, uint32_t group, bool in_x) {
  Launch launch;
  launch.rows = rows;
  launch.group_rows = group;
  launch.rows_in_x = in_x;
  launch.groups_x = in_x ? (rows + group - 1) / group : 5;
  launch.groups_y = in_x || !group ? 3 : (rows + group - 1) / group;
  launch.seconds = 1;
  return launch;
}

TEST(VulkanCut, PiecesCoverEachRowOnceAndFitTheGrid) {
  for (const uint32_t rows : {1u, 7u, 64u, 2048u, 65536u, 200000u})
    for (const uint32_t group : {0u, 1u, 16u, 64u})
      for (const bool in_x : {false, true})
        for (const double longest : {10.0, 0.3, 0.001}) {
          if (in_x && group == 0) continue;
          const Launch whole = launch_of(rows, group, in_x);
          uint32_t next = 0;
          double seconds = 0;
          for (const Launch& piece : cut(whole, longest, 65535)) {
            uint32_t range[2];
            std::memcpy(range, piece.push.data() + piece.rows_at, sizeof range);
            EXPECT_EQ(range[0], next);
            EXPECT_GT(range[1], range[0]);
            next = range[1];
            seconds += piece.seconds;
            const uint32_t side = in_x ? piece.groups_x : piece.groups_y;
            EXPECT_LE(side, 65535u);
            if (group) {
              EXPECT_EQ(side, (range[1] - range[0] + group - 1) / group);
            }
            const uint32_t least = std::max(group, 1u);
            EXPECT_TRUE(piece.seconds <= longest * 1.001 || range[1] - range[0] <= least) << piece.seconds;
          }
          EXPECT_EQ(next, rows);
          EXPECT_NEAR(seconds, 1, 1e-6);
        }
}

TEST(VulkanCut, AGridThatRowsCannotMakeSmallerIsRefused) {
  Launch launch = launch_of(8, 0, false);
  launch.groups_y = 65536;  // segments
  EXPECT_THROW(cut(launch, 10, 65535), Error);
}

TEST(VulkanPace, SlowStepsShortenPartsAtOnceAndFastOnesLengthenThemBitByBit) {
  Pace pace;
  EXPECT_GT(pace.value(), 1) << "careful until something was measured";
  pace.took(1, 40);
  EXPECT_DOUBLE_EQ(pace.value(), 40);
  pace.took(1e-9, 0.001);  // too short to tell anything
  EXPECT_DOUBLE_EQ(pace.value(), 40);
  pace.took(1, 1e6);  // one hiccup
  EXPECT_LE(pace.value(), 160);
  for (int i = 0; i < 100; ++i) pace.took(1, 0.5);
  EXPECT_LT(pace.value(), 1);
}

TEST(VulkanPace, AFastDeviceIsBelievedWhoseStepsAreAllShort) {
  Pace pace;
  for (int i = 0; i < 100; ++i) pace.took(0.05, 0.001);
  EXPECT_NEAR(pace.value(), 0.1, 0.01) << "5 ms for 50, which the step took at most";
}

TEST(VulkanStillness, AMachineThatSleptDoesNotBlameItsDevice) {
  Stillness still;
  still.waited(1, 1, 7);
  for (int i = 0; i < 10; ++i) still.waited(1, 1, 7);
  EXPECT_DOUBLE_EQ(still.seconds(), 10);
  still.waited(1, 8 * 3600, 7);
  EXPECT_LE(still.seconds(), 12) << "a night counts as one wait";
  still.waited(1, 1, 8);
  EXPECT_EQ(still.seconds(), 0) << "something was finished";
}

TEST_F(VulkanCutTest, ARecordedStepFollowsTheDevicesPaceAndKeepsItsBits) {
  Made made = make(90, true);
  const std::vector<float> before = step(made);
  EXPECT_EQ(made.program->parts(), 1u);
  Pace& pace = context_->device.pace(made.program->bound());
  for (int i = 0; i < 20; ++i) pace.took(1, 1e4);
  EXPECT_EQ(step(made), before);
  EXPECT_GT(made.program->parts(), 5u);
  for (int i = 0; i < 300; ++i) pace.took(1, 1e-3);
  EXPECT_EQ(step(made), before);
  EXPECT_EQ(made.program->parts(), 1u);
}

TEST_F(VulkanCutTest, ReadingWeightsAndComputingHavePacesOfTheirOwn) {
  Device& device = context_->device;
  const double before = device.pace(Bound::bytes).value();
  device.pace(Bound::arithmetic).took(1, 1000);
  EXPECT_EQ(device.pace(Bound::arithmetic).value(), 1000);
  EXPECT_EQ(device.pace(Bound::bytes).value(), before);
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
