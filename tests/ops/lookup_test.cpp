// Rows that are looked up on the host: what the plain code gives, in every format and on every instruction set.
#include "cpu/lookup.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "harness.h"

namespace fulmar::ops {
namespace {

// Mean and variance in double precision, summed from the first element to the last.
void plain_norm(float* x, const float* weight, const float* bias, float eps, uint32_t C) {
  double mean = 0, variance = 0;
  for (uint32_t c = 0; c < C; ++c) mean += static_cast<double>(x[c]);
  mean /= C;
  for (uint32_t c = 0; c < C; ++c) variance += (static_cast<double>(x[c]) - mean) * (static_cast<double>(x[c]) - mean);
  const double scale = 1.0 / std::sqrt(variance / C + static_cast<double>(eps));
  for (uint32_t c = 0; c < C; ++c)
    x[c] = static_cast<float>((static_cast<double>(x[c]) - mean) * scale) * weight[c] + bias[c];
}

Tensor table_of(Format format, uint64_t V, uint64_t width) {
  std::span<std::byte> bytes;
  Tensor table = make_tensor(format, {V, width}, bytes);
  quantize(from_floats(random_floats(V * width, 3), {V, width}), format, V, width, bytes);
  return table;
}

template <class Body>
void on_every_instruction_set(const Body& body) {
  for (const auto& [target, word] : instruction_sets()) {
    SCOPED_TRACE(word);
    choose_instructions(target);
    body();
  }
  choose_instructions(0);
}

TEST(Lookup, RowsAreWhatThePlainCodeGivesInEveryFormat) {
  on_every_instruction_set([] {
    for (const Format format : matrix_formats())
      for (const uint64_t width : {uint64_t{info(format).block}, uint64_t{768}, uint64_t{1280}}) {
        constexpr uint64_t V = 5;
        const Tensor table = table_of(format, V, width);
        const std::vector<float> want = to_floats(table);
        std::vector<float> row(width);
        for (uint64_t v = 0; v < V; ++v) {
          cpu::lookup_row(table, width, v, row.data());
          for (uint64_t i = 0; i < width; ++i) {
            const float plain = want[v * width + i];
            const float last_bit = info(format).scalar_bytes == 0 ? std::fabs(plain) * 0x1p-23f : 0.0f;
            ASSERT_NEAR(row[i], plain, last_bit) << info(format).name << ", row " << v << " of " << width;
          }
        }
      }
  });
}

// Files have it in formats that no kernel reads, and at odd addresses.
TEST(Lookup, TakesFormatsWithoutKernelsAndRowsAtAnyAddress) {
  const std::vector<double> doubles = {0.5, -1.25, 3, 7, 0.1, 9};
  TensorRef table{Format::f64, {2, 3}, std::as_bytes(std::span(doubles))};
  std::vector<float> row(3);
  cpu::lookup_row(table, 3, 1, row.data());
  EXPECT_EQ(row, (std::vector<float>{7, 0.1f, 9}));

  const Tensor halves = table_of(Format::f16, 3, 40);
  std::vector<std::byte> shifted(halves.data.size() + 1);
  std::memcpy(shifted.data() + 1, halves.data.data(), halves.data.size());
  table = {Format::f16, {3, 40}, std::span(shifted).subspan(1)};
  const std::vector<float> want = to_floats(halves);
  row.resize(40);
  cpu::lookup_row(table, 40, 2, row.data());
  EXPECT_TRUE(std::equal(row.begin(), row.end(), want.begin() + 80));
}

TEST(Lookup, RefusesARowPastTheTable) {
  const Tensor table = table_of(Format::f16, 3, 8);
  std::vector<float> row(8);
  EXPECT_ANY_THROW(cpu::lookup_row(table, 8, 3, row.data()));
}

TEST(Lookup, TheNormHasTheBitsOfThePlainSumsOnEveryInstructionSet) {
  on_every_instruction_set([] {
    for (const uint32_t C : {1u, 7u, 8u, 13u, 64u, 100u, 768u, 2048u, 4096u})
      for (uint32_t seed = 0; seed < 20; ++seed) {
        std::vector<float> x = random_floats(C, seed, {-3, 4}), want = x;
        const std::vector<float> weight = random_floats(C, seed + 100), bias = random_floats(C, seed + 200);
        plain_norm(want.data(), weight.data(), bias.data(), 1e-5f, C);
        cpu::lookup_norm(x.data(), weight.data(), bias.data(), 1e-5f, C);
        ASSERT_EQ(std::memcmp(x.data(), want.data(), C * 4), 0) << C << " channels, seed " << seed;
      }
  });
}

// The variance is the mean of the squares less the square of the mean, which rounding may carry below zero.
TEST(Lookup, ARowOfOneNumberBecomesTheBias) {
  on_every_instruction_set([] {
    const std::vector<float> weight = random_floats(2048, 1), bias = random_floats(2048, 2);
    for (float number = 1e-3f; number < 1e15f; number *= 3.7f) {
      std::vector<float> x(2048, number);
      cpu::lookup_norm(x.data(), weight.data(), bias.data(), 1e-5f, 2048);
      for (uint32_t c = 0; c < 2048; ++c) ASSERT_NEAR(x[c], bias[c], 1e-4f) << number;
    }
  });
}

TEST(Lookup, ARowFarFromZeroKeepsItsDigits) {
  on_every_instruction_set([] {
    std::vector<float> x = random_floats(2048, 3, {-1, 1});
    for (float& value : x) value += 3000.0f;
    std::vector<float> want = x;
    const std::vector<float> weight(2048, 1.0f), bias(2048, 0.0f);
    plain_norm(want.data(), weight.data(), bias.data(), 1e-5f, 2048);
    cpu::lookup_norm(x.data(), weight.data(), bias.data(), 1e-5f, 2048);
    for (uint32_t c = 0; c < 2048; ++c) ASSERT_NEAR(x[c], want[c], 1e-6f);
  });
}

}  // namespace
}  // namespace fulmar::ops
