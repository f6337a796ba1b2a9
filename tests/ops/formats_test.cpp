// Every code of every format is worth the same on every backend.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/half.h"
#include "harness.h"
#include "tensor/tensor.h"

namespace fulmar::ops {
namespace {

class FormatTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(All, FormatTest, testing::ValuesIn(candidates()),
                         [](const auto& candidate) { return candidate.param.name; });

struct Bytes {
  uint64_t begin, end;
};

// Which bytes of an [N, K] matrix hold codes, and the scales and minima of two-level formats: all but the
// floats.
std::vector<Bytes> code_bytes(Format format, uint64_t n) {
  std::vector<Bytes> list;
  switch (format) {
    case Format::i8:
    case Format::q8_0:
    case Format::fp8:
      return {{0, n}};
    case Format::q5_0:
    case Format::q5_1:
    case Format::fp5:
      return {{0, n / 8 * 5}};
    case Format::fp6:
      return {{0, n / 4 * 3}};
    case Format::q6_K:
      return {{0, n / 16 * 13}};
    case Format::q4_K:
    case Format::q5_K:
      list = {{0, n / 2}};
      for (uint64_t s = 0; s < n / 256; ++s) list.push_back({n / 2 + 16 * s + 4, n / 2 + 16 * s + 16});
      if (format == Format::q5_K) list.push_back({n / 16 * 9, n / 16 * 11});
      return list;
    default:
      return {{0, n / 2}};
  }
}

// Scales as of usual weights, then codes at random: with 64 K of them no code is missing.
Tensor all_codes(Format format, uint64_t N, uint64_t K) {
  std::span<std::byte> bytes;
  Tensor matrix = make_tensor(format, {N, K}, bytes);
  std::mt19937 random(11);
  if (info(format).scalar_bytes == 2) {
    for (uint32_t i = 0; i < N * K; ++i) {
      const auto code = static_cast<uint16_t>(i);
      const float value = format == Format::f16 ? f16_to_f32(code) : bf16_to_f32(code);
      const uint16_t finite = std::fabs(value) < 1e30f ? code : 0;  // which times 0 is 0
      std::memcpy(&bytes[i * 2], &finite, 2);
    }
    return matrix;
  }
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(N * K);
  for (float& v : values) v = normal(random);
  quantize(from_floats(values, {N, K}), format, N, K, bytes);
  if (info(format).scalar_bytes == 0)
    for (const Bytes& part : code_bytes(format, N * K))
      for (uint64_t i = part.begin; i < part.end; ++i) bytes[i] = static_cast<std::byte>(random());
  return matrix;
}

int32_t ulps(float a, float b) {
  const auto ordered = [](float f) {
    const auto i = std::bit_cast<int32_t>(f);
    return i < 0 ? INT32_MIN - i : i;
  };
  return std::abs(ordered(a) - ordered(b));
}

// A row of x with a single 1 makes y that column of W. One row of x or many: kernels differ.
TEST_P(FormatTest, EveryCodeOfEveryFormatIsWorthTheSame) {
  constexpr uint32_t N = 128, K = 512;
  for (const Format format : matrix_formats())
    for (const uint32_t rows : {2u, 24u}) {
      SCOPED_TRACE(fmt::format("{}, {} rows", info(format).name, rows));
      Tape tape;
      tape.inputs = {tape.value("x", K)};
      tape.outputs = {tape.value("y", N)};
      tape.ops = {Linear{tape.inputs[0], tape.outputs[0], tape.weight("w", N, K, format)}};
      tape.half_inputs = GetParam().half_inputs;
      const Tensor matrix = all_codes(format, N, K);
      const std::vector<float> want = to_floats(matrix);
      const auto weights = backend_->allocate(matrix.data.size(), Where::device);
      backend_->upload(*weights, 0, matrix.data);
      Memory memory;
      memory.weights = {{weights.get(), 0}};
      const BatchShape shape{rows, 1, 0};
      const auto activations = backend_->allocate(plan_arena(tape, shape).bytes, Where::device);
      memory.activations = activations.get();
      const auto program = backend_->compile(tape, memory, shape);
      std::vector<float> x(uint64_t{rows} * K);
      for (uint32_t first = 0; first < K; first += rows) {
        std::fill(x.begin(), x.end(), 0.0f);
        const uint32_t count = std::min(rows, K - first);  // the last rows may be left zero
        for (uint32_t t = 0; t < count; ++t) x[t * K + first + t] = 1;
        const std::vector<Segment> segments = {{0, 0, rows}};
        const std::vector<std::span<const float>> inputs = {x};
        program->start({rows, segments, {}, inputs});
        const std::span<const float> y = program->finish()[0];
        for (uint32_t t = 0; t < count; ++t)
          for (uint32_t n = 0; n < N; ++n) {
            const float w = want[n * K + first + t], got = y[t * N + n];
            // Where a tape allows 16 bits, kernels for few rows multiply in 32 all the same.
            if (tape.half_inputs && format != Format::f32 && ulps(got, w) > 1) {
              const float clamped = std::clamp(w, -65504.0f, 65504.0f);
              ASSERT_NEAR(got, clamped, std::fabs(clamped) * 0x1p-11f + 0x1p-24f) << n << "," << first + t;
            } else if (got != 0 ||
                       std::fabs(w) >= 0x1p-126f) {  // devices may take a subnormal number for zero
              ASSERT_LE(ulps(got, w), 1) << n << "," << first + t << ": " << got << ", not " << w;
            }
          }
      }
    }
}

}  // namespace
}  // namespace fulmar::ops
