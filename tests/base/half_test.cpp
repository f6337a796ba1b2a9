// The two 16-bit floats: weights must decode exactly and encode to the nearest, ties to even.
#include "base/half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace fulmar {
namespace {

// The value of a code by the formula, in doubles: (-1)^s 2^(e-bias) 1.m, or 0.m below the first exponent.
double value_of(uint32_t code, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(code >> mantissa_bits & ((1u << exponent_bits) - 1));
  const double mantissa = (code & ((1u << mantissa_bits) - 1)) / std::ldexp(1.0, mantissa_bits);
  const double sign = code >> (exponent_bits + mantissa_bits) ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) return mantissa != 0 ? NAN : sign * INFINITY;
  return sign *
         (exponent == 0 ? std::ldexp(mantissa, 1 - bias) : std::ldexp(1.0 + mantissa, exponent - bias));
}

struct HalfKind {
  const char* name;
  int exponent_bits, mantissa_bits;
  float (*decode)(uint16_t);
  uint16_t (*encode)(float);
  constexpr uint16_t infinity() const {
    return static_cast<uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits);
  }
  double value(uint32_t code) const { return value_of(code, exponent_bits, mantissa_bits); }
};
constexpr HalfKind kinds[] = {{"f16", 5, 10, f16_to_f32, f32_to_f16},
                              {"bf16", 8, 7, bf16_to_f32, f32_to_bf16}};

// The values of all codes from 0 to the largest finite one, in ascending order.
std::vector<double> finite_values(const HalfKind& kind) {
  std::vector<double> values;
  for (uint32_t code = 0; code < kind.infinity(); ++code) values.push_back(kind.value(code));
  return values;
}

// The nearest code by search; infinity stands for the next value there would be.
uint16_t nearest(const std::vector<double>& values, float f) {
  const double size = std::fabs(static_cast<double>(f));
  const auto low =
      static_cast<uint32_t>(std::upper_bound(values.begin(), values.end(), size) - values.begin()) - 1;
  const double below = values[low];
  const double above = low + 1 == values.size() ? 2 * below - values[low - 1] : values[low + 1];
  const double to_below = size - below, to_above = above - size;
  const uint32_t code = to_below < to_above || (to_below == to_above && low % 2 == 0) ? low : low + 1;
  return static_cast<uint16_t>(code | (std::signbit(f) ? 0x8000u : 0u));
}
static_assert(kinds[0].infinity() == 0x7c00 && kinds[1].infinity() == 0x7f80);

TEST(Half, EveryCodeDecodesToItsValueAndBack) {
  for (const HalfKind& kind : kinds)
    for (uint32_t code = 0; code < 65536; ++code) {
      const float f = kind.decode(static_cast<uint16_t>(code));
      const double expected = kind.value(code);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(f)) << kind.name << code;
        ASSERT_TRUE(std::isnan(kind.decode(kind.encode(f)))) << kind.name << code;
        continue;
      }
      ASSERT_EQ(static_cast<double>(f), expected) << kind.name << code;
      ASSERT_EQ(std::signbit(f), code >= 0x8000) << kind.name << code;
      ASSERT_EQ(kind.encode(f), code) << kind.name << code;
    }
}

TEST(Half, EncodingTakesTheNearestAndTiesToEven) {
  std::mt19937 random(7);
  for (const HalfKind& kind : kinds) {
    const std::vector<double> values = finite_values(kind);
    const auto check = [&](float f) {
      ASSERT_EQ(kind.encode(f), nearest(values, f)) << kind.name << " of " << f;
    };
    for (uint32_t code = 0; code + 1 < kind.infinity(); ++code) {
      // Between two neighbours: the middle, and the floats on both sides of it.
      const auto middle = static_cast<float>((values[code] + values[code + 1]) / 2);
      for (const float f : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, INFINITY)}) {
        check(f);
        check(-f);
      }
    }
    const double largest = kind.value(kind.infinity() - 1u),
                 step = largest - kind.value(kind.infinity() - 2u);
    const auto border = static_cast<float>(largest + step / 2);  // from here on infinity
    for (const float f : {border, std::nextafter(border, 0.0f), std::numeric_limits<float>::max()}) check(f);
    EXPECT_EQ(kind.encode(INFINITY), kind.infinity());
    EXPECT_EQ(kind.encode(-INFINITY), kind.infinity() | 0x8000);
    for (int i = 0; i < 200000; ++i) {
      const float f = std::bit_cast<float>(static_cast<uint32_t>(random()));
      if (!std::isnan(f) && !std::isinf(f)) check(f);
    }
  }
}

}  // namespace
}  // namespace fulmar
