// The passes over all logits, as vector code for every instruction set, chosen at run time.
//
// Sums are made in four lanes whatever the vectors' width, and products are never fused into additions: the
// weights and sums have the same bits on every machine, so the same seed draws the same token.
#ifdef FULMAR_CPU_TARGETS_LEFT_OUT  // cmake/cpu_targets.cmake
#define HWY_DISABLED_TARGETS FULMAR_CPU_TARGETS_LEFT_OUT
#endif
#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "text/selection.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "text/selection_passes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fulmar::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, selection_block>;
constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

// Calls body(block index, pointer to 64 floats); the last block is filled up with `filler` in a copy, which
// is copied back where the floats are not const.
template <typename T, typename Body>
HWY_INLINE void for_blocks(std::span<T> values, float filler, Body&& body) {
  const std::size_t whole = values.size() / selection_block, rest = values.size() % selection_block;
  for (std::size_t block = 0; block < whole; ++block) body(block, values.data() + block * selection_block);
  if (rest == 0) return;
  float last[selection_block];
  T* const begin = values.data() + whole * selection_block;
  std::fill(std::copy_n(begin, rest, last), std::end(last), filler);
  body(whole, static_cast<T*>(last));
  if constexpr (!std::is_const_v<T>) std::copy_n(last, rest, begin);
}

HWY_INLINE float largest_of_block(const float* block) {
  const Wide d;
  hn::Vec<Wide> largest = hn::Set(d, minus_infinity);
  for (std::size_t i = 0; i < selection_block; i += hn::Lanes(d)) {
    const hn::Vec<Wide> x = hn::LoadU(d, block + i);
    largest = hn::IfThenElse(hn::Gt(x, largest), x, largest);  // NaN is never larger
  }
  return hn::GetLane(hn::MaxOfLanes(d, largest));
}

// Lane j sums the elements j, j + 4, j + 8 ...
HWY_INLINE float sum_of_block(const float* block) {
#if HWY_TARGET == HWY_SCALAR
  float lane[4] = {};
  for (std::size_t i = 0; i < selection_block; ++i) lane[i % 4] += block[i];
#else
  const hn::FixedTag<float, 4> d;
  auto sum = hn::Zero(d);
  for (std::size_t i = 0; i < selection_block; i += 4) sum = hn::Add(sum, hn::LoadU(d, block + i));
  float lane[4];
  hn::StoreU(sum, d, lane);
#endif
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

float BlockMaxima(std::span<const float> values, float* maxima) {
  float largest = minus_infinity;
  for_blocks(values, minus_infinity, [&](std::size_t block, const float* v) HWY_ATTR {
    maxima[block] = largest_of_block(v);
    largest = std::max(largest, maxima[block]);
  });
  return largest;
}

// weight_of() for a vector.
HWY_INLINE hn::Vec<Wide> Weight(hn::Vec<Wide> x) {
  const Wide d;
  const hn::RebindToUnsigned<Wide> du;
  const auto times_plus = [](auto a, auto b, auto c) HWY_ATTR { return hn::Add(hn::Mul(a, b), c); };
  const auto round_to_integer = hn::Set(d, WeightSeries::round_to_integer);
  const auto shifted = times_plus(x, hn::Set(d, WeightSeries::log2_e), round_to_integer);
  const auto n = hn::Sub(shifted, round_to_integer);
  const auto r = hn::Sub(hn::Sub(x, hn::Mul(n, hn::Set(d, WeightSeries::ln2_high))),
                         hn::Mul(n, hn::Set(d, WeightSeries::ln2_low)));
  auto series = hn::Set(d, WeightSeries::coefficients[0]);
  for (std::size_t i = 1; i < std::size(WeightSeries::coefficients); ++i) {
    series = times_plus(series, r, hn::Set(d, WeightSeries::coefficients[i]));
  }
  const auto exponent = hn::Sub(hn::BitCast(du, shifted), hn::BitCast(du, round_to_integer));
  const auto result = hn::BitCast(d, hn::Add(hn::BitCast(du, series), hn::ShiftLeft<23>(exponent)));
  return hn::IfThenElseZero(hn::Ge(x, hn::Set(d, WeightSeries::smallest)), result);
}

double ToWeights(std::span<float> logits, float largest, float inverse_temperature, float floor, float* sums,
                 float* maxima) {
  const Wide d;
  double total = 0;
  for_blocks(logits, minus_infinity, [&](std::size_t block, float* x) HWY_ATTR {
    for (std::size_t i = 0; i < selection_block; i += hn::Lanes(d)) {
      const auto scaled =
          hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, largest)), hn::Set(d, inverse_temperature));
      const auto weight = Weight(scaled);
      hn::StoreU(hn::IfThenElseZero(hn::Ge(weight, hn::Set(d, floor)), weight), d, x + i);
    }
    sums[block] = sum_of_block(x);
    maxima[block] = largest_of_block(x);
    total += sums[block];
  });
  return total;
}

Tail AtLeast(std::span<const float> weights, const float* maxima, float threshold) {
  const Wide d;
  Tail tail;
  for_blocks(weights, 0.0f, [&](std::size_t block, const float* w) HWY_ATTR {
    if (maxima[block] < threshold) return;
    float reached[selection_block];
    for (std::size_t i = 0; i < selection_block; i += hn::Lanes(d)) {
      const auto weight = hn::LoadU(d, w + i);
      const auto reaches = hn::Ge(weight, hn::Set(d, threshold));
      hn::StoreU(hn::IfThenElseZero(reaches, weight), d, reached + i);
      tail.count += hn::CountTrue(d, reaches);
    }
    tail.sum += sum_of_block(reached);
  });
  return tail;
}

void CollectAtLeast(std::span<const float> values, const float* maxima, float low,
                    std::vector<Candidate>& out) {
  const Wide d;
  for_blocks(values, std::numeric_limits<float>::quiet_NaN(),
             [&](std::size_t block, const float* v) HWY_ATTR {
               if (!(maxima[block] >= low)) return;
               // A bit for each value that is wanted: which ones they are cannot be predicted, how many can.
               uint64_t wanted = 0;
               for (std::size_t i = 0; i < selection_block; i += hn::Lanes(d)) {
                 uint8_t bits[8] = {};
                 hn::StoreMaskBits(d, hn::Ge(hn::LoadU(d, v + i), hn::Set(d, low)), bits);
                 wanted |= std::bit_cast<uint64_t>(bits) << i;  // byte 0 holds the first lanes: little-endian
               }
               for (; wanted != 0; wanted &= wanted - 1) {
                 const auto i = static_cast<std::size_t>(std::countr_zero(wanted));
                 out.push_back({v[i], static_cast<Token>(block * selection_block + i)});
               }
             });
}

}  // namespace fulmar::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar {

HWY_EXPORT(BlockMaxima);
HWY_EXPORT(ToWeights);
HWY_EXPORT(AtLeast);
HWY_EXPORT(CollectAtLeast);

float block_maxima(std::span<const float> values, PerBlock& maxima) {
  maxima.resize(block_count(values));
  return HWY_DYNAMIC_DISPATCH(BlockMaxima)(values, maxima.data());
}

double to_weights(std::span<float> logits, float largest, float inverse_temperature, float floor,
                  PerBlock& sums, PerBlock& maxima) {
  sums.resize(block_count(logits));
  maxima.resize(block_count(logits));
  return HWY_DYNAMIC_DISPATCH(ToWeights)(logits, largest, inverse_temperature, floor, sums.data(),
                                         maxima.data());
}

Tail at_least(std::span<const float> weights, const PerBlock& maxima, float threshold) {
  return HWY_DYNAMIC_DISPATCH(AtLeast)(weights, maxima.data(), threshold);
}

void collect_at_least(std::span<const float> values, const PerBlock& maxima, float low,
                      std::vector<Candidate>& out) {
  out.clear();
  HWY_DYNAMIC_DISPATCH(CollectAtLeast)(values, maxima.data(), low, out);
}

float weight_of(float x) {
  using S = WeightSeries;
  const float shifted = x * S::log2_e + S::round_to_integer, n = shifted - S::round_to_integer;
  const float r = (x - n * S::ln2_high) - n * S::ln2_low;
  float series = S::coefficients[0];
  for (std::size_t i = 1; i < std::size(S::coefficients); ++i) series = series * r + S::coefficients[i];
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(S::round_to_integer);
  const float result = std::bit_cast<float>(std::bit_cast<uint32_t>(series) + (exponent << 23));
  return x >= S::smallest ? result : 0.0f;
}

}  // namespace fulmar
#endif
