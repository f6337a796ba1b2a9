// The passes over a looked-up row; see lookup.h.
#include "cpu/lookup.h"

#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/lookup.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <hwy/cache_control.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr uint32_t lanes = 16;  // of a sum, in as many vectors as that takes: additions wait for each other
using Doubles = hn::CappedTag<double, 8>;
using Singles = hn::Rebind<float, Doubles>;
constexpr uint32_t per_vector = hn::MaxLanes(Doubles());

HWY_INLINE hn::Vec<Doubles> widened(const float* x) {
  return hn::PromoteTo(Doubles(), hn::LoadU(Singles(), x));
}

HWY_INLINE double sum_of(double* lane) {
  for (uint32_t half = lanes / 2; half > 0; half /= 2)
    for (uint32_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

// In one pass: a square of a float is exact in double precision, so that nothing is lost unless a row's mean is a
// million times its deviation. Element i adds to lane i % 16.
void normalize(float* x, const float* weight, const float* bias, float eps, uint32_t C) {
  const Doubles d;
  hn::Vec<Doubles> sums[lanes / per_vector], squares[lanes / per_vector];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (auto& square : squares) square = hn::Zero(d);
  uint32_t c = 0;
  for (; c + lanes <= C; c += lanes) {
    FULMAR_UNROLL
    for (uint32_t v = 0; v < lanes / per_vector; ++v) {
      const auto value = widened(x + c + v * per_vector);
      sums[v] = hn::Add(sums[v], value);
      squares[v] = hn::Add(squares[v], hn::Mul(value, value));
    }
  }
  double sum[lanes], square[lanes];
  for (uint32_t v = 0; v < lanes / per_vector; ++v) {
    hn::StoreU(sums[v], d, sum + v * per_vector);
    hn::StoreU(squares[v], d, square + v * per_vector);
  }
  for (uint32_t l = 0; c + l < C; ++l) {
    const auto value = static_cast<double>(x[c + l]);
    sum[l] += value;
    square[l] += value * value;
  }
  const double mean = sum_of(sum) / C;
  const double variance = std::max(0.0, sum_of(square) / C - mean * mean);
  const double scale = 1.0 / std::sqrt(variance + static_cast<double>(eps));
  const auto means = hn::Set(d, mean), scales = hn::Set(d, scale);
  for (c = 0; c + per_vector <= C; c += per_vector) {
    const Singles f;
    const auto unit = hn::DemoteTo(f, hn::Mul(hn::Sub(widened(x + c), means), scales));
    hn::StoreU(hn::Add(hn::Mul(unit, hn::LoadU(f, weight + c)), hn::LoadU(f, bias + c)), f, x + c);
  }
  for (; c < C; ++c)
    x[c] = static_cast<float>((static_cast<double>(x[c]) - mean) * scale) * weight[c] + bias[c];
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar::cpu {
HWY_EXPORT(normalize);

constexpr uint64_t line = 64;  // bytes of a cache line

void lookup_norm(float* x, const float* weight, const float* bias, float eps, uint32_t C) {
  HWY_DYNAMIC_DISPATCH(normalize)(x, weight, bias, eps, C);
}

void lookup_row(const TensorRef& table, uint64_t width, uint64_t row, float* out) {
  const FormatKernels* kernels = find_kernels(table.format);
  if (!kernels) return to_floats(table, row * width, width, out);
  const uint64_t N = element_count(table.shape) / width;
  require(row < N && table.data.size() >= info(table.format).matrix_bytes(N, width),
          "row {} of a table {} of rows of {}", row, to_string(table.shape), width);
  for (uint64_t k = 0; k < width; k += panel_k)
    kernels->decode(table.data.data(), N, width, row, k,
                    static_cast<uint32_t>(std::min<uint64_t>(panel_k, width - k)), out + k);
}

void prefetch_row(const TensorRef& table, uint64_t width, uint64_t row) {
  const uint64_t bytes = width * info(table.format).scalar_bytes, begin = row * bytes;
  for (uint64_t at = begin; at < std::min<uint64_t>(begin + bytes, table.data.size()); at += line)
    hwy::Prefetch(table.data.data() + at);
}

}  // namespace fulmar::cpu
#endif
