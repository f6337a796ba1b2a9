// What the CPU backend promises beyond the formulas: adopted memory, refusals, and text that does not depend
// on company.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "cpu/backend.h"
#include "fulmar/error.h"
#include "harness.h"
#include "ops/state_memory.h"
#include "ops/tape.h"

namespace fulmar::ops {
namespace {

// One Linear on a backend of its own, its weights adopted `shift` bytes into a larger block of memory.
struct OneLinear {
  OneLinear(uint32_t threads, Format format, uint32_t N, uint32_t K, uint32_t max_rows, uint64_t shift = 0)
      : backend(cpu::make_backend(threads)), K_(K) {
    const ValueId x = tape.value("x", K), y = tape.value("y", N);
    tape.inputs = {x};
    tape.outputs = {y};
    tape.reproducible = true;
    Linear linear{x, y, tape.weight("w", N, K, format)};
    linear.act = shared::ACT_TANH;
    tape.ops.push_back(linear);
    const FormatInfo& f = info(format);
    bytes.resize(f.matrix_bytes(N, K) + shift);
    const std::vector<float> values = random_floats(uint64_t{N} * K, 7);
    std::vector<std::byte> encoded(f.matrix_bytes(N, K));
    for (uint32_t n = 0; n < N; ++n) f.encode_row(encoded.data(), N, K, n, values.data() + uint64_t{n} * K);
    std::memcpy(bytes.data() + shift, encoded.data(), encoded.size());
    weights = backend->adopt(bytes, nullptr);
    const BatchShape shape{max_rows, max_rows, 0};
    arena = backend->allocate(plan_arena(tape, shape).bytes, Where::device);
    memory.weights = {{weights.get(), shift}};
    memory.activations = arena.get();
    program = backend->compile(tape, memory, shape);
  }
  std::vector<float> run(std::span<const float> x) {
    const auto rows = static_cast<uint32_t>(x.size() / K_);
    const Segment segment{0, 0, rows};
    program->start({rows, {&segment, 1}, {}, {&x, 1}});
    const auto y = program->finish()[0];
    return {y.begin(), y.end()};
  }
  std::unique_ptr<Backend> backend;
  uint32_t K_;
  Tape tape;
  Memory memory;
  std::vector<std::byte> bytes;
  std::unique_ptr<Buffer> weights, arena;
  std::unique_ptr<Program> program;
};

// Without this the candidates of the op tests could all be the same one.
TEST(CpuBackend, RunsOnTheInstructionsThatWereChosen) {
  for (const auto& [target, word] : instruction_sets()) {
    choose_instructions(target);
    EXPECT_NE(cpu::make_backend(1)->caps().name.find(word), std::string::npos) << word;
  }
  choose_instructions(0);
}

TEST(CpuBackend, ATokenIsTheSameAloneAndAmongSixtyNineOthers) {
  constexpr uint32_t N = 211;
  for (const Format format : matrix_formats()) {
    const uint32_t K = info(format).block <= 32 ? 160 : 512;
    OneLinear linear(2, format, N, K, 70);
    const std::vector<float> x = random_floats(70 * K, 3);
    const std::vector<float> all = linear.run(x);
    for (const uint32_t rows : {1u, 2u, 3u, 5u, 8u, 11u, 16u, 17u, 31u, 40u, 64u}) {
      const std::vector<float> some = linear.run(std::span(x).first(rows * K));
      for (size_t i = 0; i < some.size(); ++i)
        ASSERT_EQ(some[i], all[i]) << info(format).name << ", " << rows << " rows, element " << i;
    }
  }
}

TEST(CpuBackend, ResultsDoNotDependOnTheNumberOfThreads) {
  constexpr uint32_t N = 1000, K = 512;
  for (const uint32_t rows : {1u, 16u, 17u, 40u}) {
    const std::vector<float> x = random_floats(rows * K, 5);
    OneLinear one(1, Format::f16, N, K, rows), five(5, Format::f16, N, K, rows);
    EXPECT_EQ(one.run(x), five.run(x)) << rows << " rows";
  }
}

TEST(CpuBackend, MappedWeightsAtAnyEvenAddressAreRead) {
  constexpr uint32_t N = 29;
  for (const Format format : matrix_formats())
    for (const uint32_t rows : {1u, 6u, 33u}) {
      const uint32_t K = info(format).block <= 32 ? 96 : 256;
      const std::vector<float> x = random_floats(rows * K, 9);
      OneLinear aligned(1, format, N, K, rows), shifted(1, format, N, K, rows, format == Format::f32 ? 4 : 2);
      EXPECT_EQ(aligned.run(x), shifted.run(x)) << info(format).name << ", " << rows << " rows";
    }
}

ErrorKind kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::misuse;
}

TEST(CpuBackend, RefusesBatchesThatDoNotFitInsteadOfWritingPastBuffers) {
  const auto backend = cpu::make_backend(1);
  Tape tape;
  const ValueId x = tape.value("x", 16), y = tape.value("y", 16), p = tape.value("p", 16, true);
  tape.inputs = {x};
  tape.outputs = {p};
  Shift shift{x, 0, 1, {}};
  shift.outputs[0] = {y, tape.vector("mix", 16), none};
  tape.ops = {shift, Pick{y, p}};
  tape.state_floats = 16;
  const BatchShape shape{4, 2, 2};
  const auto weights = backend->allocate(64, Where::device);
  const PlainStates states(*backend, 64, 3), short_states(*backend, 15, 3);
  const auto arena = backend->allocate(plan_arena(tape, shape).bytes, Where::device);
  const Memory memory{{{weights.get(), 0}}, arena.get(), &states};
  const auto program = backend->compile(tape, memory, shape);
  const std::vector<float> numbers(5 * 16, 1.0f);
  const auto start = [&](uint32_t rows, std::vector<Segment> segments, std::vector<uint32_t> picks) {
    const std::span<const float> input = std::span(numbers).first(rows * 16);
    program->start({rows, segments, picks, {&input, 1}});
  };
  EXPECT_NO_THROW(start(4, {{2, 0, 3}, {0, 3, 1}}, {1, 3}));
  EXPECT_EQ(kind_of([&] { start(5, {{0, 0, 5}}, {}); }), ErrorKind::internal);
  EXPECT_EQ(kind_of([&] { start(3, {{0, 0, 1}, {1, 1, 1}, {2, 2, 1}}, {}); }), ErrorKind::internal);
  EXPECT_EQ(kind_of([&] { start(3, {{0, 0, 3}}, {0, 1, 2}); }), ErrorKind::internal);
  EXPECT_EQ(kind_of([&] { start(2, {{3, 0, 2}}, {}); }), ErrorKind::internal);             // no such slot
  EXPECT_EQ(kind_of([&] { start(2, {{1, 0, 1}, {1, 1, 1}}, {}); }), ErrorKind::internal);  // one slot twice
  EXPECT_EQ(kind_of([&] { start(2, {{0, 0, 1}}, {}); }), ErrorKind::internal);             // a row of nobody
  EXPECT_EQ(kind_of([&] { start(2, {{0, 0, 2}}, {2}); }), ErrorKind::internal);  // picks past the rows
  Memory small = memory;
  small.states = &short_states;
  EXPECT_EQ(kind_of([&] { backend->compile(tape, small, shape); }), ErrorKind::internal);
}

TEST(CpuBackend, SaysHowMuchMemoryWasAskedFor) {
  const auto backend = cpu::make_backend(1);
  try {
    backend->allocate(uint64_t{1} << 60, Where::device);
    FAIL() << "an exbibyte was allocated";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("1099511627776 MiB"), std::string::npos) << error.what();
  }
}

TEST(CpuBackend, TimesEveryLaunchWhenAsked) {
  const auto backend = cpu::make_backend(1);
  Tape tape;
  const ValueId x = tape.value("x", 32), h = tape.value("h", 32), y = tape.value("y", 32);
  tape.inputs = {x};
  tape.outputs = {y};
  tape.ops = {Linear{x, h, tape.weight("a", 32, 32, Format::f32)},
              Linear{h, y, tape.weight("b", 32, 32, Format::f32)}};
  const BatchShape shape{40, 1, 0};
  const auto weights = backend->allocate(2 * 4096, Where::device);
  const auto arena = backend->allocate(plan_arena(tape, shape).bytes, Where::device);
  const Memory memory{{{weights.get(), 0}, {weights.get(), 4096}}, arena.get()};
  const auto program = backend->compile(tape, memory, shape, true);
  const std::vector<float> numbers(40 * 32, 1.0f);
  const std::span<const float> input(numbers);
  const Segment segment{0, 0, 40};
  program->start({40, {&segment, 1}, {}, {&input, 1}});
  program->finish();
  uint32_t covered = 0;
  for (const OpTime& time : program->times()) {
    EXPECT_EQ(time.first_op, covered);
    covered += time.ops;
  }
  EXPECT_EQ(covered, tape.ops.size());
}

}  // namespace
}  // namespace fulmar::ops
