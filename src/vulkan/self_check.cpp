// Comparing matrix units with the plain kernel; see self_check.h.
#include "vulkan/self_check.h"

#include <algorithm>
#include <cmath>

namespace fulmar::vulkan {
namespace {

constexpr uint32_t K = 96;

// Numbers in [-1, 1) that depend on their index alone.
float number(uint64_t i) {
  const auto mixed = static_cast<uint32_t>((i + 1) * 0x9e3779b97f4a7c15u >> 40);  // 24 bits
  return static_cast<float>(mixed) * 0x1p-23f - 1.0f;
}

// y = W x for `rows` rows and N outputs.
std::vector<float> product(ops::Backend& backend, uint32_t rows, uint32_t N, bool half_inputs) {
  const FormatInfo& f16 = info(Format::f16);
  ops::Tape tape;
  tape.half_inputs = half_inputs;
  tape.inputs = {tape.value("x", K)};
  tape.outputs = {tape.value("y", N)};
  tape.ops.push_back(ops::Linear{tape.inputs[0], tape.outputs[0], tape.weight("W", N, K, Format::f16)});

  std::vector<float> row(K), x(uint64_t{rows} * K);
  std::vector<std::byte> weights(f16.matrix_bytes(N, K));
  for (uint32_t n = 0; n < N; ++n) {
    for (uint32_t k = 0; k < K; ++k) row[k] = number(uint64_t{n} * K + k);
    f16.encode_row(weights.data(), N, K, n, row.data());
  }
  for (uint64_t i = 0; i < x.size(); ++i) x[i] = number(i + (uint64_t{1} << 32));

  const ops::BatchShape shape{rows, 1, 0};
  const auto weight = backend.allocate(weights.size(), ops::Where::device);
  const auto activations = backend.allocate(ops::plan_arena(tape, shape).bytes, ops::Where::device);
  backend.upload(*weight, 0, weights);
  ops::Memory memory;
  memory.weights = {{weight.get(), 0}};
  memory.activations = activations.get();
  const auto program = backend.compile(tape, memory, shape);
  const std::span<const float> input(x);
  const ops::Segment segment{0, 0, rows};
  program->start({rows, {&segment, 1}, {}, {&input, 1}});
  const std::span<const float> y = program->finish()[0];
  return {y.begin(), y.end()};
}

}  // namespace

bool matrix_units_agree(ops::Backend& backend) {
  struct Size {
    uint32_t rows, N;
  };
  for (const Size size : {Size{12, 520}, Size{100, 2056}, Size{520, 8200}}) {
    const std::vector<float> plain = product(backend, size.rows, size.N, false);
    const std::vector<float> units = product(backend, size.rows, size.N, true);
    // 96 products of numbers below 1, each off by at most 2^-11 of itself.
    for (size_t i = 0; i < plain.size(); ++i)
      if (!(std::fabs(plain[i] - units[i]) <= K * 0x1p-11f)) return false;
  }
  return true;
}

}  // namespace fulmar::vulkan
