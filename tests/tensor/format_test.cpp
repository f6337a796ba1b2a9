// Every format, over awkward shapes: weights come back within what the format promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "fulmar/error.h"
#include "tensor/tensor.h"

namespace fulmar {
namespace {

struct Size {
  uint64_t N, K;
};
constexpr Size sizes[] = {{1, 1},   {1, 31},  {2, 32},   {3, 33},  {13, 24},
                          {24, 13}, {7, 127}, {127, 40}, {65, 64}, {5, 256}};

// Weights of the usual size, with outliers, zeros and a row of nothing else.
std::vector<float> weights(Size size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> values(size.N * size.K);
  for (float& value : values) value = normal(random);
  for (std::size_t i = 0; i < values.size(); i += 37) values[i] *= 40.0f;
  for (std::size_t i = 5; i < values.size(); i += 41) values[i] = 0.0f;
  if (size.N > 2) std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(size.K), size.K, 0.0f);
  return values;
}

uint64_t up(uint64_t count, uint64_t step) {
  return (count + step - 1) / step * step;
}

// The largest error allowed for `value` among the `group` of values that share its scale.
float allowed(Format format, float value, std::span<const float> group) {
  switch (format) {
    case Format::f32:
      return 0.0f;
    case Format::f16:
      return std::max(std::fabs(value) * 0x1p-11f, 0x1p-25f);
    case Format::bf16:
      return std::fabs(value) * 0x1p-8f;
    default:
      break;
  }
  // Block formats of b bits: half a step of the block's range, and the rounding of the scale itself (fp16).
  float absmax = 0;
  for (const float other : group) absmax = std::max(absmax, std::fabs(other));
  const auto steps = [format] {
    switch (format) {
      case Format::q4_0:
        return 1.0f / 8;  // a whole step: where the farthest value is negative, 7 steps above 0 is the last
      case Format::q5_0:
        return 1.0f / 16;
      case Format::q4_1:
      case Format::q4_K:
        return 1.0f / 12;  // half a step of a range up to twice absmax, and the rounding of its scale
      case Format::q5_1:
      case Format::q5_K:
        return 1.0f / 24;
      case Format::q6_K:
        return 1.0f / 32;
      case Format::iq4_nl:
      case Format::nf4:
        return 0.16f;  // half the widest gap, 0.30 for nf4; iq4_nl may leave out an outlier's end
      case Format::fp8:
        return 1.0f / 28;  // half a step of the largest binade: 448 = 14 * 32
      case Format::fp6:
      case Format::fp5:
        return 1.0f / 14;
      default:
        return 0.5f / 127;
    }
  };
  return absmax * (steps() + 0x1p-10f);
}

TEST(Formats, EveryFormatKeepsWeightsWithinItsPromise) {
  for (const Format format : matrix_formats())
    for (const Size size : sizes) {
      const FormatInfo& format_info = info(format);
      SCOPED_TRACE(std::string(format_info.name) + " " + std::to_string(size.N) + "x" +
                   std::to_string(size.K));
      const std::vector<float> values = weights(size, 1);
      const Tensor matrix = from_floats(values, {size.N, size.K});
      const uint64_t rows = size.N + 3, cols = up(size.K, format_info.block);
      std::span<std::byte> bytes;
      const Tensor out = make_tensor(format, {rows, cols}, bytes);
      ASSERT_EQ(bytes.size(), format_info.matrix_bytes(rows, cols));
      // What lies there before must not show through.
      std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
      quantize(matrix, format, rows, cols, bytes);
      std::vector<float> row(cols);
      for (uint64_t n = 0; n < rows; ++n) {
        format_info.decode_row(bytes.data(), rows, cols, n, row.data());
        for (uint64_t k = 0; k < cols; ++k) {
          if (n >= size.N) {
            ASSERT_EQ(row[k], 0.0f) << "padding at " << n << "," << k;
            continue;
          }
          const bool whole_row = format == Format::fp8 || format == Format::fp6 || format == Format::fp5;
          const uint64_t group_size = whole_row ? cols : format_info.block;
          const uint64_t begin = k / group_size * group_size, end = std::min(begin + group_size, size.K);
          const std::span<const float> group(values.data() + n * size.K + begin, end - begin);
          const float value = k < size.K ? values[n * size.K + k] : 0.0f;
          ASSERT_LE(std::fabs(row[k] - value), allowed(format, value, group)) << n << "," << k;
        }
      }
    }
}

TEST(Formats, QuantizingTwiceChangesNothingMore) {
  for (const Format format : matrix_formats()) {
    const Size size{9, 256};
    std::span<std::byte> first, second;
    const Tensor once = make_tensor(format, {size.N, size.K}, first),
                 twice = make_tensor(format, {size.N, size.K}, second);
    quantize(from_floats(weights(size, 2), {size.N, size.K}), format, size.N, size.K, first);
    std::vector<float> decoded(size.N * size.K), again(size.N * size.K);
    for (uint64_t n = 0; n < size.N; ++n)
      info(format).decode_row(first.data(), size.N, size.K, n, &decoded[n * size.K]);
    quantize(from_floats(decoded, {size.N, size.K}), format, size.N, size.K, second);
    for (uint64_t n = 0; n < size.N; ++n)
      info(format).decode_row(second.data(), size.N, size.K, n, &again[n * size.K]);
    float error = 0, size_of_all = 0;
    for (std::size_t i = 0; i < decoded.size(); ++i)
      error += std::fabs(again[i] - decoded[i]), size_of_all += std::fabs(decoded[i]);
    // Formats whose encoder searches for a scale need not find the same one.
    EXPECT_LE(error, size_of_all * (info(format).block == 256 ? 0.03f : 2e-4f)) << info(format).name;
  }
}

TEST(Formats, AnySourceTypeIsQuantizedAlike) {
  const Size size{8, 256};  // without padding behind the matrix in any format
  std::vector<float> values(size.N * size.K);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int>(i % 251) - 125) / 64.0f;
  const Tensor source = from_floats(values, {size.N, size.K});  // exact in every float type
  for (const Format from : {Format::f64, Format::f32, Format::f16, Format::bf16})
    for (const Format to : matrix_formats()) {
      std::span<std::byte> bytes, expected, got;
      Tensor typed = make_tensor(from, {size.N, size.K}, bytes);
      if (from == Format::f64) {
        const std::vector<double> doubles(values.begin(), values.end());
        std::copy_n(reinterpret_cast<const std::byte*>(doubles.data()), bytes.size(), bytes.begin());
      } else {
        quantize(source, from, size.N, size.K, bytes);
      }
      ASSERT_EQ(to_floats(typed), values) << info(from).name;
      const Tensor a = make_tensor(to, {size.N, size.K}, expected),
                   b = make_tensor(to, {size.N, size.K}, got);
      quantize(source, to, size.N, size.K, expected);
      quantize(typed, to, size.N, size.K, got);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), got.begin()))
          << info(from).name << " to " << info(to).name;
    }
}

TEST(Formats, HugeWeightsStayFiniteInHalfFloats) {
  const Tensor matrix = from_floats(std::vector<float>{1e9f, -1e9f, 65504, 65519, 65520, 0, 1, -1}, {1, 8});
  std::span<std::byte> bytes;
  const Tensor half = make_tensor(Format::f16, {1, 8}, bytes);
  quantize(matrix, Format::f16, 1, 8, bytes);
  EXPECT_EQ(to_floats(half), (std::vector<float>{65504, -65504, 65504, 65504, 65504, 0, 1, -1}));
}

TEST(Formats, PrecisionsAreFoundByTheWordsOfAStrategy) {
  EXPECT_EQ(format_of_precision("fp32"), Format::f32);
  EXPECT_EQ(format_of_precision("fp16"), Format::f16);
  EXPECT_EQ(format_of_precision("bf16"), Format::bf16);
  EXPECT_EQ(format_of_precision("i8"), Format::i8);
  EXPECT_EQ(format_of_precision("q4_0"), Format::q4_0);
  EXPECT_EQ(format_of_precision("Q8_0"), Format::q8_0);
  EXPECT_EQ(format_of_precision("f64"), std::nullopt);
  EXPECT_EQ(format_of_precision(""), std::nullopt);
  for (const Format format : matrix_formats()) EXPECT_EQ(format_of_precision(info(format).precision), format);
}

// Random bytes are a file's blocks with every awkward scale in them.
TEST(Formats, BlocksOfAFileComeBackBitForBit) {
  std::mt19937 random(7);
  for (const Format format : matrix_formats()) {
    const GgmlLayout* ggml = info(format).ggml;
    if (!ggml) continue;
    SCOPED_TRACE(info(format).name);
    const uint64_t N = 5, K = uint64_t{3} * ggml->block, row_bytes = K / ggml->block * ggml->bytes;
    EXPECT_EQ(ggml->block % info(format).block, 0u);
    std::vector<std::byte> file(N * row_bytes), back(file.size());
    for (std::byte& b : file) b = static_cast<std::byte>(random());
    std::span<std::byte> bytes;
    const Tensor matrix = make_tensor(format, {N, K}, bytes);
    EXPECT_LT(bytes.size() - file.size(), 16u);
    for (const uint64_t row : {3, 0, 4, 1, 2})
      ggml->pack_row(bytes.data(), N, K, row, &file[row * row_bytes]);
    for (uint64_t row = 0; row < N; ++row) ggml->unpack_row(bytes.data(), N, K, row, &back[row * row_bytes]);
    EXPECT_EQ(file, back);
  }
}

// Zeros, the smallest numbers, one outlier, infinities and NaN: nothing infinite comes out, and what is
// ordinary in the other blocks stays as good as ever.
TEST(Formats, AwkwardRowsSpoilNoNeighbours) {
  constexpr uint64_t K = 512;
  const float inf = INFINITY, nan = NAN;
  const std::vector<std::vector<float>> patches = {{0},
                                                   {1e-45f, -1e-45f},
                                                   {1e-38f, 2e-39f},
                                                   {6e-8f, -6e-8f},
                                                   {1e6f},
                                                   {-3e38f, 3e38f},
                                                   {inf},
                                                   {-inf, 1},
                                                   {nan},
                                                   {nan, inf, -inf, 0.5f}};
  for (const Format format : matrix_formats()) {
    if (info(format).scalar_bytes) continue;  // which keep NaN
    for (const auto& patch : patches)
      for (const bool alone : {true, false}) {
        std::vector<float> row(K, 0.0f), got(K);
        for (uint64_t k = 0; k < K && !alone; ++k) row[k] = std::sin(static_cast<float>(k + 1));
        for (uint64_t i = 0; i < patch.size(); ++i) row[3 + i] = patch[i];
        std::span<std::byte> bytes;
        const Tensor matrix = make_tensor(format, {1, K}, bytes);
        std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
        info(format).encode_row(bytes.data(), 1, K, 0, row.data());
        info(format).decode_row(bytes.data(), 1, K, 0, got.data());
        SCOPED_TRACE(
            fmt::format("{}, {} {}", info(format).name, patch[0], alone ? "among zeros" : "among sines"));
        for (uint64_t k = 0; k < K; ++k) ASSERT_TRUE(std::isfinite(got[k])) << k;
        const bool outlier = *std::max_element(patch.begin(), patch.end()) == 1e6f || patch[0] < -1e38f;
        const bool row_scale = format == Format::fp8 || format == Format::fp6 || format == Format::fp5;
        for (uint64_t k = 256; k < K && !(outlier && row_scale); ++k)
          ASSERT_NEAR(got[k], row[k], alone ? 0 : 0.17f) << k;
        if (std::isinf(patch[0]) && !alone) {
          EXPECT_NEAR(std::fabs(got[3]), 1, 0.2f);
        }
      }
  }
}

TEST(Formats, BlockFormatsAreReadRowByRow) {
  for (const Format format : matrix_formats()) {
    const Size size{4, 256};
    std::span<std::byte> bytes;
    const Tensor matrix = make_tensor(format, {size.N, size.K}, bytes);
    quantize(from_floats(weights(size, 3), {size.N, size.K}), format, size.N, size.K, bytes);
    const std::vector<float> all = to_floats(matrix);
    std::vector<float> some(2 * size.K);
    to_floats(matrix, size.K, some.size(), some.data());
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + 256)) << info(format).name;
    EXPECT_THROW(to_floats(matrix, 3 * size.K, some.size(), some.data()), Error) << info(format).name;
    std::span<std::byte> again;
    const Tensor floats = make_tensor(Format::f32, {size.N, size.K}, again);
    quantize(matrix, Format::f32, size.N, size.K, again);
    EXPECT_EQ(to_floats(floats), all) << info(format).name;
  }
}

TEST(Tensors, MisuseIsAnErrorAndNotACrash) {
  EXPECT_EQ(to_string(Shape{2, 64}), "[2,64]");
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(element_count({}), 1u);
  EXPECT_EQ(element_count({3, 0, 5}), 0u);
  EXPECT_THROW(element_count({uint64_t{1} << 40, uint64_t{1} << 40}), Error);
  EXPECT_THROW(from_floats(std::vector<float>(3), {2, 2}), Error);
  const Tensor matrix = from_floats(std::vector<float>(6), {2, 3});
  std::vector<float> out(100);
  EXPECT_THROW(to_floats(matrix, 4, 3, out.data()), Error);
  std::vector<std::byte> bytes(10);
  EXPECT_THROW(quantize(matrix, Format::f32, 2, 4, bytes), Error) << "the target is too small";
  EXPECT_THROW(quantize(matrix, Format::f32, 2, 3, bytes), Error) << "the block is 4 wide";
  EXPECT_THROW(quantize(matrix, Format::f64, 2, 4, bytes), Error) << "no matrix format";
}

}  // namespace
}  // namespace fulmar
