// Every op on every backend equals its plain formula, over tables of awkward shapes.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "fulmar/error.h"
#include "harness.h"
#include "ops/state_memory.h"

namespace fulmar::ops {
namespace {

INSTANTIATE_TEST_SUITE_P(All, OpTest, testing::ValuesIn(candidates()),
                         [](const auto& candidate) { return candidate.param.name; });

ValueId input(Tape& tape, const std::string& name, uint32_t width) {
  tape.inputs.push_back(tape.value(name, width));
  return tape.inputs.back();
}

ValueId output(Tape& tape, const std::string& name, uint32_t width, bool picked = false) {
  tape.outputs.push_back(tape.value(name, width, picked));
  return tape.outputs.back();
}

TEST_P(OpTest, NormKeepsRowsApart) {
  for (const uint32_t C : {16u, 24u, 48u, 64u, 208u, 1024u}) {
    Case c;
    const ValueId x = input(c.tape, "x", C), y = output(c.tape, "y", C);
    c.tape.ops.push_back(Norm{x, y, c.tape.vector("weight", C), c.tape.vector("bias", C), 1e-5f});
    c.input_ranges = {{-3, 5}};
    expect_same_for_all_batches(c);
  }
}

TEST_P(OpTest, ShiftCarriesTheLastRowOfEverySegment) {
  for (const uint32_t C : {16u, 40u, 64u, 1040u})
    for (const uint32_t count : {1u, 2u, 6u})
      for (const bool delta : {false, true}) {
        Case c;
        Shift shift{input(c.tape, "x", C), 32, count, {}};
        c.tape.state_floats = 32 + C;
        for (uint32_t i = 0; i < count; ++i) {
          shift.outputs[i].mix = c.tape.vector(fmt::format("mix{}", i), C);
          if (delta) shift.outputs[i].delta = input(c.tape, fmt::format("delta{}", i), C);
          shift.outputs[i].y = output(c.tape, fmt::format("y{}", i), C);
        }
        c.tape.ops.push_back(shift);
        expect_same_for_all_batches(c);
      }
}

TEST_P(OpTest, ShiftThatPeeksLeavesTheCarryForTheNext) {
  for (const uint32_t C : {16u, 1040u}) {
    Case c;
    const ValueId x = input(c.tape, "x", C), delta = c.tape.value("delta", C);
    c.tape.state_floats = C;
    c.tape.ops.push_back(Shift{x, 0, 1, {{{delta, c.tape.vector("mix0", C), none}}}, true});
    c.tape.ops.push_back(
        Shift{x, 0, 1, {{{output(c.tape, "y", C), c.tape.vector("mix1", C), delta}}}, false});
    expect_same_for_all_batches(c);
  }
}

TEST_P(OpTest, NormThenShiftIsTheSameFusedOrNot) {
  for (const bool read_elsewhere : {false, true})
    for (const uint32_t C : {32u, 64u, 272u, 1024u}) {
      Case c;
      const ValueId x = input(c.tape, "x", C), normed = c.tape.value("normed", C);
      c.tape.ops.push_back(Norm{x, normed, c.tape.vector("weight", C), c.tape.vector("bias", C), 1e-5f});
      Shift shift{normed, 64, 3, {}};
      c.tape.state_floats = 64 + C;
      for (uint32_t i = 0; i < 3; ++i) {
        shift.outputs[i].mix = c.tape.vector(fmt::format("mix{}", i), C);
        shift.outputs[i].y = output(c.tape, fmt::format("y{}", i), C);
      }
      c.tape.ops.push_back(shift);
      if (read_elsewhere) c.tape.outputs.push_back(normed);
      expect_same_for_all_batches(c);
    }
}

struct LinearShape {
  uint32_t N, K;
};

Case linear_case(Format format, LinearShape shape) {
  Case c;
  const ValueId x = input(c.tape, "x", shape.K), y = output(c.tape, "y", shape.N);
  c.tape.ops.push_back(Linear{x, y, c.tape.weight("w", shape.N, shape.K, format)});
  return c;
}

// Kernels are the same but for the decoding of a chunk: all shapes and batches for one format of each chunk
// size ...
TEST_P(OpTest, LinearInEveryShape) {
  for (const Format format : matrix_formats())
    for (const LinearShape shape : {LinearShape{12, 64},
                                    {1, 32},
                                    {8, 8},
                                    {64, 8},
                                    {33, 96},
                                    {128, 16},
                                    {256, 224},
                                    {67, 1024},
                                    {300, 160}}) {
      const bool one_of_each = info(format).scalar_bytes || format == Format::i8 || format == Format::q4_0;
      if (!one_of_each || shape.K % info(format).block) continue;
      SCOPED_TRACE(fmt::format("{} [{},{}]", info(format).name, shape.N, shape.K));
      expect_same_for_all_batches(linear_case(shape.N == 1 ? Format::f32 : format, shape));
    }
}

// ... and a few for all.
TEST_P(OpTest, LinearInEveryFormat) {
  for (const Format format : matrix_formats())
    for (const LinearShape shape : {LinearShape{12, 64}, {67, 1024}}) {
      if (shape.K % info(format).block) continue;
      SCOPED_TRACE(fmt::format("{} [{},{}]", info(format).name, shape.N, shape.K));
      for (const Ragged& batch : {Ragged{{1}}, Ragged{{1, 2}}, Ragged{{9, 30}}})
        expect_same(linear_case(format, shape), batch, 1, 3);
    }
}

TEST_P(OpTest, LinearEpiloguesComposeInOrder) {
  for (uint32_t act = shared::ACT_NONE; act <= shared::ACT_DECAY7; ++act)
    for (const bool bias : {false, true})
      for (const bool gate : {false, true})
        for (const bool accumulate : {false, true}) {
          SCOPED_TRACE(fmt::format("act {} bias {} gate {} accumulate {}", act, bias, gate, accumulate));
          Case c;
          const uint32_t N = 52, K = 32;
          Linear linear{input(c.tape, "x", K), none, c.tape.weight("w", N, K, Format::f16)};
          linear.act = act;
          linear.accumulate = accumulate;
          linear.y = c.tape.value("y", N);
          if (accumulate) c.tape.inputs.push_back(linear.y);
          if (gate) linear.gate = input(c.tape, "gate", N);
          if (bias) linear.bias = c.tape.vector("bias", N);
          c.tape.outputs.push_back(linear.y);
          c.tape.ops.push_back(linear);
          for (const Ragged& batch : {Ragged{{1}}, Ragged{{3}}, Ragged{{9, 30}}})
            expect_same(c, batch, 1, act + 7);
        }
}

// The engine ends a request whose every logit is NaN; a kernel that makes numbers of them lets the model
// babble on.
TEST_P(OpTest, WhatIsNoNumberStaysNoneThroughEveryActivation) {
  constexpr uint32_t N = 20, K = 32;
  const std::vector<std::byte> weights(uint64_t{N} * K * 4);
  for (uint32_t act = shared::ACT_NONE; act <= shared::ACT_DECAY7; ++act)
    for (const uint32_t rows : {1u, 9u}) {
      Tape tape;
      Linear linear{input(tape, "x", K), output(tape, "y", N), tape.weight("w", N, K, Format::f32)};
      linear.act = act;
      tape.ops.push_back(linear);
      const BatchShape shape{rows, 1, 0};
      const auto weight = backend_->allocate(weights.size(), Where::device),
                 activations = backend_->allocate(plan_arena(tape, shape).bytes, Where::device);
      backend_->upload(*weight, 0, weights);
      Memory memory;
      memory.weights = {{weight.get(), 0}};
      memory.activations = activations.get();
      const PlainStates states(*backend_, 64, 1);
      memory.states = &states;
      const auto program = backend_->compile(tape, memory, shape);
      std::vector<float> x(rows * K, 1.0f);
      x[(rows - 1) * K + 7] = std::numeric_limits<float>::quiet_NaN();
      const std::vector<Segment> segments = {{0, 0, rows}};
      const std::vector<std::span<const float>> inputs = {x};
      program->start({rows, segments, {}, inputs});
      const std::span<const float> y = program->finish()[0];
      for (uint32_t n = 0; n < N; ++n)
        EXPECT_TRUE(std::isnan(y[(rows - 1) * N + n]))
            << "act " << act << ", " << rows << " rows, output " << n;
    }
}

TEST_P(OpTest, IndependentAndChainedLinearsDoNotMixUp) {
  Case c;
  const uint32_t C = 64;
  const ValueId x = input(c.tape, "x", C), x2 = input(c.tape, "x2", C);
  const auto linear = [&](ValueId in, const char* name, uint32_t N, Format format, bool out) {
    const ValueId y = out ? output(c.tape, name, N) : c.tape.value(name, N);
    c.tape.ops.push_back(Linear{in, y, c.tape.weight(name, N, c.tape.values[in].width, format)});
    return y;
  };
  linear(x, "a", 40, Format::f16, true);
  const ValueId b = linear(x2, "b", 32, Format::f16, false);
  linear(x, "c", 72, Format::f16, true);
  linear(b, "d", 96, Format::f16, true);  // reads what the run before wrote
  linear(x, "e", 24, Format::i8, true);
  linear(b, "f", 8, Format::f32, true);
  expect_same_for_all_batches(c);
}

TEST_P(OpTest, Mix4StaysFiniteAndExact) {
  for (const uint32_t A : {16u, 40u, 128u}) {
    Case c;
    Mix4 mix{
        input(c.tape, "r", A), input(c.tape, "k", A), input(c.tape, "v", A), output(c.tape, "y", A), 0, 0, 8};
    mix.decay = c.tape.vector("decay", A);
    mix.first = c.tape.vector("first", A);
    c.weight_ranges = {{-4, -0.01f}, {-2, 2}};
    c.input_ranges = {{0, 1}, {-20, 30}, {-2, 2}};
    c.state_range = {0.1f, 4};
    c.tape.state_floats = 8 + 3 * A;
    c.tape.ops.push_back(mix);
    expect_same_for_all_batches(c);
  }
}

struct HeadShape {
  uint32_t heads, N;
};
// Some devices' workgroups end at 256 threads, which is a head of 64: larger ones they refuse, saying so.
void unless_refused(const HeadShape& shape, const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    if (shape.N <= 64 || error.kind() != ErrorKind::unsupported) throw;
    EXPECT_NE(std::string(error.what()).find("is not a multiple of 4 up to 64"), std::string::npos)
        << error.what();
  }
}
constexpr HeadShape head_shapes[] = {{1, 16}, {3, 32}, {2, 48},  {2, 64},
                                     {1, 80}, {1, 96}, {1, 112}, {2, 128}};

TEST_P(OpTest, Mix6WithFixedAndPerTokenDecay) {
  for (const HeadShape shape : {HeadShape{8, 8}, {1, 16}, {3, 32}, {2, 64}, {1, 128}})
    for (const bool per_token : {false, true})
      for (const bool gate : {false, true}) {
        SCOPED_TRACE(fmt::format("{} heads of {}", shape.heads, shape.N));
        Case c;
        const uint32_t A = shape.heads * shape.N;
        Mix6 mix{};
        mix.r = input(c.tape, "r", A), mix.k = input(c.tape, "k", A), mix.v = input(c.tape, "v", A);
        mix.w = per_token ? input(c.tape, "w", A) : none;
        if (per_token) c.input_ranges = {{}, {}, {}, {0.1f, 0.99f}};
        mix.g = gate ? input(c.tape, "g", A) : none;
        mix.y = output(c.tape, "y", A);
        mix.first = c.tape.vector("first", A);
        mix.norm_weight = c.tape.vector("norm_weight", A);
        mix.norm_bias = c.tape.vector("norm_bias", A);
        mix.decay = per_token ? none : c.tape.vector("decay", A);
        c.weight_ranges = {{}, {}, {}, {0.1f, 0.99f}};
        mix.state = 16;
        mix.heads = shape.heads;
        mix.head_size = shape.N;
        mix.norm_eps = 64e-5f;
        c.tape.state_floats = 16 + A * shape.N;
        c.tape.ops.push_back(mix);
        c.tolerance = 3e-5f;
        for (const Ragged& batch : {Ragged{{1}}, Ragged{{1, 1, 1}}, Ragged{{5, 1, 17}}})
          for (const uint32_t spare : {0u, 2u})
            unless_refused(shape, [&] { expect_same(c, batch, spare, 5); });
      }
}

TEST_P(OpTest, Mix7WithAndWithoutValueResidual) {
  for (const HeadShape shape : head_shapes)
    for (const bool first_layer : {true, false}) {
      SCOPED_TRACE(fmt::format("{} heads of {}", shape.heads, shape.N));
      Case c;
      const uint32_t A = shape.heads * shape.N;
      Mix7 mix{};
      mix.r = input(c.tape, "r", A), mix.w = input(c.tape, "w", A), mix.k = input(c.tape, "k", A);
      mix.v = input(c.tape, "v", A), mix.a = input(c.tape, "a", A), mix.g = input(c.tape, "g", A);
      c.input_ranges = {{}, {0.55f, 0.999f}, {}, {}, {0, 1}, {}, {}, {0, 1}};
      if (!first_layer) mix.v_first = input(c.tape, "v_first", A), mix.v_gate = input(c.tape, "v_gate", A);
      mix.y = output(c.tape, "y", A);
      mix.k_k = c.tape.vector("k_k", A), mix.k_a = c.tape.vector("k_a", A), mix.r_k = c.tape.vector("r_k", A);
      mix.norm_weight = c.tape.vector("norm_weight", A), mix.norm_bias = c.tape.vector("norm_bias", A);
      mix.state = 64;
      mix.heads = shape.heads;
      mix.head_size = shape.N;
      mix.norm_eps = 64e-5f;
      c.tape.state_floats = 64 + A * shape.N;
      c.tape.ops.push_back(mix);
      c.tolerance = 3e-5f;
      for (const Ragged& batch : {Ragged{{1}}, Ragged{{1, 1, 1, 1}}, Ragged{{5, 1, 37}}})
        for (const uint32_t spare : {0u, 2u}) unless_refused(shape, [&] { expect_same(c, batch, spare, 9); });
    }
}

TEST_P(OpTest, PickThenHeadSeesOnlyTheWantedRows) {
  Case c;
  const uint32_t C = 48, V = 77;
  const ValueId x = input(c.tape, "x", C), picked = c.tape.value("picked", C, true),
                logits = output(c.tape, "logits", V, true);
  c.tape.ops.push_back(Pick{x, picked});
  c.tape.ops.push_back(Linear{picked, logits, c.tape.weight("head", V, C, Format::f16)});
  expect_same_for_all_batches(c);
}

TEST_P(OpTest, ExpertsArePickedByScoreAndWeighedAgainstEachOther) {
  for (const uint32_t F : {8u, 72u, 600u})
    for (const auto& [count, active] : {std::pair(2u, 1u), {2u, 2u}, {4u, 2u}, {5u, 5u}, {16u, 3u}}) {
      SCOPED_TRACE(fmt::format("F {}, {} of {}", F, active, count));
      Case c;
      Experts experts{};
      experts.count = count;
      experts.active = active;
      experts.scores = input(c.tape, "scores", 16);  // as many as there are rows in a padded router
      const auto in_place = [&](const std::string& name) {
        c.tape.outputs.push_back(input(c.tape, name, F));
        return c.tape.outputs.back();
      };
      experts.k = in_place("k");
      for (uint32_t e = 0; e < count; ++e) experts.h[e] = in_place(fmt::format("h{}", e));
      c.tape.ops.push_back(experts);
      c.input_ranges = {{-3, 3}};
      expect_same_for_all_batches(c);
    }
}

TEST_P(OpTest, OfExpertsWithEqualScoresTheFirstAreTaken) {
  Case c;
  Experts experts{};
  experts.count = 6;
  experts.active = 3;
  experts.scores = input(c.tape, "scores", 8);
  experts.k = input(c.tape, "k", 40);
  for (uint32_t e = 0; e < 6; ++e) experts.h[e] = input(c.tape, fmt::format("h{}", e), 40);
  c.tape.ops.push_back(experts);
  for (uint32_t e = 0; e < 6; ++e) c.tape.outputs.push_back(experts.h[e]);
  c.input_ranges = {{0, 0}};
  expect_same_for_all_batches(c);
}

}  // namespace
}  // namespace fulmar::ops
