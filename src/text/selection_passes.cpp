// The passes over all logits, as vector code for every instruction set, chosen at run time.
//
// Sums are made in four lanes whatever the vectors' width, and products are never fused into additions: the
// weights and sums have the same bits on every machine, so the same seed draws the same token.
#ifndef FULMAR_CPU_TARGETS_LEFT_OUT  // cmake/cpu_targets.cmake
#define FULMAR_CPU_TARGETS_LEFT_OUT 0
#endif
// Vectors without a compile-time size cannot form arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | FULMAR_CPU_TARGETS_LEFT_OUT)
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

// Of each block: lane j sums the elements j, j + 4, j + 8 ... Several blocks at once, for additions wait for each other.
template <std::size_t blocks>
HWY_INLINE void sum_blocks(const float* x, float* sums) {
  float lane[blocks][4] = {};
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t i = 0; i < selection_block; ++i) lane[b][i % 4] += x[b * selection_block + i];
#else
  const hn::FixedTag<float, 4> d;
  hn::Vec<hn::FixedTag<float, 4>> sum[blocks];
  for (std::size_t b = 0; b < blocks; ++b) sum[b] = hn::Zero(d);
  for (std::size_t i = 0; i < selection_block; i += 4)
    for (std::size_t b = 0; b < blocks; ++b) sum[b] = hn::Add(sum[b], hn::LoadU(d, x + b * selection_block + i));
  for (std::size_t b = 0; b < blocks; ++b) hn::StoreU(sum[b], d, lane[b]);
#endif
  for (std::size_t b = 0; b < blocks; ++b) sums[b] = (lane[b][0] + lane[b][2]) + (lane[b][1] + lane[b][3]);
}

float BlockMaxima(std::span<const float> values, float* maxima) {
  float largest = minus_infinity;
  for_blocks(values, minus_infinity, [&](std::size_t block, const float* v) HWY_ATTR {
    maxima[block] = largest_of_block(v);
    largest = std::max(largest, maxima[block]);
  });
  return largest;
}

// weight_of() for several vectors, step by step: each step of one waits for the one before, and processors do not look
// far enough ahead to find the next vector's.
constexpr std::size_t in_step = 4;
#if defined(__GNUC__)
#define FULMAR_UNROLL _Pragma("GCC unroll 16")  // or the arrays lie in memory
#else
#define FULMAR_UNROLL
#endif
HWY_INLINE void weigh_vectors(const float* logits, const Scale& scale, float* weights) {
  using S = WeightSeries;
  const Wide d;
  const hn::RebindToUnsigned<Wide> du;
  using V = hn::Vec<Wide>;
  const std::size_t lanes = hn::Lanes(d);
  const auto for_each = [](auto&& body) HWY_ATTR {
    FULMAR_UNROLL
    for (std::size_t v = 0; v < in_step; ++v) body(v);
  };
  V x[in_step], shifted[in_step], r[in_step], series[in_step];
  for_each([&](std::size_t v) HWY_ATTR { x[v] = hn::Sub(hn::LoadU(d, logits + v * lanes), hn::Set(d, scale.largest)); });
  for_each([&](std::size_t v) HWY_ATTR { x[v] = hn::Mul(x[v], hn::Set(d, scale.inverse_temperature)); });
  for_each([&](std::size_t v) HWY_ATTR { shifted[v] = hn::Mul(x[v], hn::Set(d, S::log2_e)); });
  for_each([&](std::size_t v) HWY_ATTR { shifted[v] = hn::Add(shifted[v], hn::Set(d, S::round_to_integer)); });
  for_each([&](std::size_t v) HWY_ATTR { series[v] = hn::Sub(shifted[v], hn::Set(d, S::round_to_integer)); });  // n
  for_each([&](std::size_t v) HWY_ATTR { r[v] = hn::Sub(x[v], hn::Mul(series[v], hn::Set(d, S::ln2_high))); });
  for_each([&](std::size_t v) HWY_ATTR { r[v] = hn::Sub(r[v], hn::Mul(series[v], hn::Set(d, S::ln2_low))); });
  for_each([&](std::size_t v) HWY_ATTR { series[v] = hn::Set(d, S::coefficients[0]); });
  FULMAR_UNROLL
  for (std::size_t i = 1; i < std::size(S::coefficients); ++i) {
    for_each([&](std::size_t v) HWY_ATTR { series[v] = hn::Mul(series[v], r[v]); });
    for_each([&](std::size_t v) HWY_ATTR { series[v] = hn::Add(series[v], hn::Set(d, S::coefficients[i])); });
  }
  // The low bits of `shifted` are n; what else is in it leaves with the shift.
  static_assert(std::bit_cast<uint32_t>(S::round_to_integer) << 23 == 0);
  for_each([&](std::size_t v) HWY_ATTR {
    const auto result = hn::Add(hn::BitCast(du, series[v]), hn::ShiftLeft<23>(hn::BitCast(du, shifted[v])));
    const auto counts = hn::Ge(x[v], hn::Set(d, S::smallest));
    hn::StoreU(hn::IfThenElseZero(counts, hn::BitCast(d, result)), d, weights + v * lanes);
  });
}

template <std::size_t blocks>
HWY_INLINE void weigh_blocks(const float* logits, const Scale& scale, float* weights) {
  const std::size_t step = in_step * hn::Lanes(Wide());
  static_assert(selection_block % (in_step * hn::MaxLanes(Wide())) == 0);
  for (std::size_t i = 0; i < blocks * selection_block; i += step) weigh_vectors(logits + i, scale, weights + i);
}

void Weigh(std::span<float> logits, const Scale& scale) {
  for_blocks(logits, minus_infinity, [&](std::size_t, float* x) HWY_ATTR { weigh_blocks<1>(x, scale, x); });
}

double SumWeights(std::span<const float> logits, const Scale& scale, float* sums) {
  constexpr std::size_t at_once = 4, step = at_once * selection_block;
  float weights[step];
  const std::size_t end = logits.size() / step * step;
  for (std::size_t i = 0; i < end; i += step) {
    weigh_blocks<at_once>(logits.data() + i, scale, weights);
    sum_blocks<at_once>(weights, sums + i / selection_block);
  }
  for_blocks(logits.subspan(end), minus_infinity, [&](std::size_t block, const float* x) HWY_ATTR {
    weigh_blocks<1>(x, scale, weights);
    sum_blocks<1>(weights, sums + end / selection_block + block);
  });
  double total = 0;
  for (std::size_t block = 0; block < block_count(logits); ++block) total += sums[block];
  return total;
}

void CollectAtLeast(std::span<const float> values, const float* maxima, float low,
                    std::vector<Candidate>& out) {
  const Wide d;
  for_blocks(values, std::numeric_limits<float>::quiet_NaN(),
             [&](std::size_t block, const float* v) HWY_ATTR {
               if (!(maxima[block] >= low)) return;
               // A bit for each value that is wanted: which ones they are cannot be predicted, how many can.
               constexpr std::size_t lanes = hn::MaxLanes(Wide()), bytes = (lanes + 7) / 8;
               uint8_t bits[selection_block / lanes][8];
               for (std::size_t i = 0; i < selection_block / lanes; ++i)
                 hn::StoreMaskBits(d, hn::Ge(hn::LoadU(d, v + i * lanes), hn::Set(d, low)), bits[i]);
               uint64_t wanted = 0;
               for (std::size_t i = 0; i < selection_block / lanes; ++i)
                 for (std::size_t byte = 0; byte < bytes; ++byte)
                   wanted |= uint64_t{bits[i][byte]} << (i * lanes + byte * 8);
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
HWY_EXPORT(Weigh);
HWY_EXPORT(SumWeights);
HWY_EXPORT(CollectAtLeast);

float block_maxima(std::span<const float> values, PerBlock& maxima) {
  maxima.resize(block_count(values));
  return HWY_DYNAMIC_DISPATCH(BlockMaxima)(values, maxima.data());
}

void weigh(std::span<float> logits, const Scale& scale) {
  HWY_DYNAMIC_DISPATCH(Weigh)(logits, scale);
}

double sum_weights(std::span<const float> logits, const Scale& scale, PerBlock& sums) {
  sums.resize(block_count(logits));
  return HWY_DYNAMIC_DISPATCH(SumWeights)(logits, scale, sums.data());
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
