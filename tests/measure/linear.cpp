// Measures one Linear on the CPU: time, bytes of weights and products a nanosecond, with weights that lie in memory. Time is
// that of the one thread that computes, so that others on the machine disturb little.
//
// measure_linear FORMAT f32|i16|i8 N K ROWS...
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>

#include "cpu/backend.h"
#include "ops/memory.h"
#include "tensor/tensor.h"

namespace fulmar::ops {
namespace {

constexpr uint64_t beyond_caches = 96 << 20;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Linears {
  Linears(Format f, Activations activations, uint32_t outputs, uint32_t inputs)
      : format(f), N(outputs), K(inputs), bytes(info(f).matrix_bytes(N, K)), stride((bytes + 255) / 256 * 256) {
    tape.activations = activations;
    tape.inputs = {tape.value("x", K)};
    tape.outputs = {tape.value("y", N)};
    const uint64_t count = std::max<uint64_t>(2, beyond_caches / bytes);
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> row(K);
    std::vector<std::byte> encoded(bytes);
    for (uint32_t n = 0; n < N; ++n) {
      if (n < 64)  // then the same again
        for (float& w : row) w = normal(random);
      info(format).encode_row(encoded.data(), N, K, n, row.data());
    }
    weights = backend->allocate(stride * count, Where::device);
    for (uint64_t i = 0; i < count; ++i) {
      const WeightId w = tape.weight(fmt::format("w{}", i), N, K, format);
      tape.ops.push_back(Linear{tape.inputs[0], tape.outputs[0], w});
      const bool arranged = backend->upload_arranged(*weights, i * stride, tape.weights[w], activations, encoded);
      if (!arranged) backend->upload(*weights, i * stride, encoded);
      memory.weights.push_back({weights.get(), i * stride, arranged});
    }
  }

  void measure(uint32_t rows) {
    const BatchShape shape{rows, 1, 0};
    const auto arena = backend->allocate(plan_arena(tape, shape).bytes, Where::device);
    memory.activations = arena.get();
    const auto program = backend->compile(tape, memory, shape);
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    std::vector<float> x(uint64_t{rows} * K);
    for (float& value : x) value = normal(random);
    const std::span<const float> input(x);
    const Segment segment{0, 0, rows};
    double best = 1e9;
    const double begin = cpu_seconds();
    for (int runs = 0; runs < 3 || cpu_seconds() - begin < 1; ++runs) {
      const double start = cpu_seconds();
      program->start({rows, {&segment, 1}, {}, {&input, 1}});
      program->finish();
      best = std::min(best, (cpu_seconds() - start) / static_cast<double>(tape.ops.size()));
    }
    const auto per_ns = [&](uint64_t count) { return static_cast<double>(count) / best / 1e9; };
    fmt::print("{} [{},{}] x {}: {:.1f} us, {:.1f} GB/s, {:.1f} products/ns\n", info(format).name, N, K, rows, best * 1e6,
               per_ns(bytes), per_ns(uint64_t{N} * K * rows));
  }

  Format format;
  uint32_t N, K;
  uint64_t bytes, stride;
  std::unique_ptr<Backend> backend = cpu::make_backend(1);
  Tape tape;
  Memory memory;
  std::unique_ptr<Buffer> weights;
};

int run(int count, char** words) {
  const auto format = count > 5 ? format_of_name(words[1]) : std::nullopt;
  if (!format) {
    fmt::print(stderr, "measure_linear FORMAT f32|i16|i8 N K ROWS...\n");
    return 2;
  }
  const std::string_view activations = words[2];
  const auto number = [&](int i) { return static_cast<uint32_t>(std::atoi(words[i])); };
  Linears linears(*format,
                  activations == "i8"    ? Activations::i8
                  : activations == "i16" ? Activations::i16
                                         : Activations::f32,
                  number(3), number(4));
  fmt::print("{}\n", linears.backend->caps().name);
  for (int i = 5; i < count; ++i) linears.measure(number(i));
  return 0;
}

}  // namespace
}  // namespace fulmar::ops

int main(int count, char** words) {
  return fulmar::ops::run(count, words);
}
