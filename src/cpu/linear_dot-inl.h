// Dot products of rows of any format with rows of x, and decoding; included once per instruction set.
#if defined(FULMAR_LINEAR_DOT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef FULMAR_LINEAR_DOT_INL
#undef FULMAR_LINEAR_DOT_INL
#else
#define FULMAR_LINEAR_DOT_INL
#endif

#include <algorithm>

#include "cpu/kernels.h"
#include "cpu/lanes-inl.h"
#include "cpu/linear_formats-inl.h"
#include "cpu/targets.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

// x86 before AVX-512 has 16 vector registers, all else 32.
constexpr bool many_registers = HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64;

// x86 before SSE4, of 2008: compiled into every program and run by none, so it gets the fewest kinds of dot_block.
constexpr bool bygone = HWY_ARCH_X86 && HWY_TARGET > HWY_SSE4;

// Rounded as MulAdd rounds in every lane.
HWY_INLINE float multiply_add(float a, float b, float c) {
  const hn::CappedTag<float, 1> one;
  return hn::GetLane(hn::MulAdd(hn::Set(one, a), hn::Set(one, b), hn::Set(one, c)));
}

// R rows of W times T rows of x, lanes along k; every weight is loaded and converted once.
// The first pass over these rows fetches later ones, the next that are far_ahead at least.
template <class Row, int R, int T>
HWY_INLINE void dot_block(const DotCall& c, uint32_t n, uint32_t t) {
  const Floats d;
  Row rows[R];
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) rows[r] = Row(c.w, c.N, c.K, n + r, c.scratch + r * row_scale_floats(c.K));
  const float* x = c.x + t * c.K;
  Float acc[R][T];
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) {
    FULMAR_UNROLL
    for (int i = 0; i < T; ++i) acc[r][i] = hn::Zero(d);
  }
  const uint64_t group = R * Row::bytes(c.K), ahead = (far_ahead + group - 1) / group * group;
  uint64_t k = 0;
  for (; k + Row::span <= c.K; k += Row::span) {
    if (t == 0 && k % Row::line == 0) {
      FULMAR_UNROLL
      for (int r = 0; r < R; ++r) fetch<2>(rows[r].address(k) + ahead);
    }
    FULMAR_UNROLL
    for (uint32_t j = 0; j < Row::span; j += L) {
      Float xs[T];
      FULMAR_UNROLL
      for (int i = 0; i < T; ++i) xs[i] = hn::LoadU(d, x + i * c.K + k + j);
      FULMAR_UNROLL
      for (int r = 0; r < R; ++r) {
        const Float w = rows[r].load(k, j);
        FULMAR_UNROLL
        for (int i = 0; i < T; ++i) acc[r][i] = hn::MulAdd(w, xs[i], acc[r][i]);
      }
    }
  }
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) {
    FULMAR_UNROLL
    for (int i = 0; i < T; ++i) {
      float sum = fold(d, acc[r][i]);
      for (uint64_t tail = k; tail < c.K; ++tail)
        sum = multiply_add(rows[r].scalar(tail), x[i * c.K + tail], sum);
      c.sums[uint64_t{t + i} * (c.n1 - c.n0) + (n + r - c.n0)] = sum;
    }
  }
}

// All rows of x against R rows of W, which stay in the L1 cache from the first group of x on.
template <class Row, int R>
HWY_INLINE void dot_rows(const DotCall& c, uint32_t n) {
  uint32_t t = 0;
  for (; t + 4 <= c.T; t += 4) dot_block < Row, many_registers || R<2 ? R : 2, 4>(c, n, t);
  if constexpr (!many_registers && R > 2)
    for (uint32_t again = 0; again + 4 <= c.T; again += 4) dot_block<Row, 2, 4>(c, n + 2, again);
  switch (c.T - t) {
    case 1:
      dot_block<Row, R, 1>(c, n, t);
      break;
    case 2:
      dot_block<Row, R, 2>(c, n, t);
      break;
    case 3:
      dot_block<Row, R, 3>(c, n, t);
      break;
    default:
      break;
  }
}

// From few kinds of dot_block, which is what takes long to compile.
template <class Row>
void small_dot(const DotCall& c) {
  uint32_t n = c.n0;
  if constexpr (!bygone)
    for (; n + 4 <= c.n1; n += 4) {
      uint32_t t = 0;
      for (; t + 4 <= c.T; t += 4)
        for (uint32_t r = 0; r < 4; r += 2) dot_block<Row, 2, 4>(c, n + r, t);
      for (; t < c.T; ++t) dot_block<Row, 4, 1>(c, n, t);
    }
  for (; n < c.n1; ++n)
    for (uint32_t t = 0; t < c.T; ++t) dot_block<Row, 1, 1>(c, n, t);
}

template <class Row>
void dot(const DotCall& c) {
  if constexpr (bygone) {
    small_dot<Row>(c);
  } else {
    uint32_t n = c.n0;
    for (; n + 4 <= c.n1; n += 4) dot_rows<Row, 4>(c, n);
    for (; n < c.n1; ++n) dot_rows<Row, 1>(c, n);
  }
}

template <class Row>
void decode(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, uint64_t k0, uint32_t count,
            float* out) {
  const Floats d;
  float scales[row_scale_floats(panel_k)];
  const Row from(m, N, K, row, scales, k0, k0 + count);
  uint64_t k = 0;
  for (; k + Row::span <= count; k += Row::span) {
    FULMAR_UNROLL
    for (uint32_t j = 0; j < Row::span; j += L) hn::StoreU(from.load(k0 + k, j), d, out + k + j);
  }
  for (; k < count; ++k) out[k] = from.scalar(k0 + k);
}

// L vectors of L neighbouring k, transposed, are L neighbours of each class. For rows whose span is a vector.
template <class Row>
void spread(const SpreadCall& c) {
  static_assert(Row::span == L);
  const Floats d;
  const Row from(c.w, c.N, c.K, c.row, nullptr);
  const PanelOrder& order = *c.order;
  float* of_class[L];
  for (uint32_t i = 0; i < L; ++i) of_class[i] = c.to + order.block(i, 0) * c.block_floats + order.first(i);
  uint64_t k = 0;
  for (uint32_t r = 0; r < order.runs; ++r) {
    const uint64_t at = r * c.block_floats;
    const uint32_t count = order.count(r);
    uint32_t m = 0;
    for (; m + L <= count; m += L) {
      Float v[L];
      FULMAR_UNROLL
      for (uint32_t i = 0; i < L; ++i, k += L) v[i] = from.load(k, 0);
      transpose(d, v);
      FULMAR_UNROLL
      for (uint32_t i = 0; i < L; ++i) hn::StoreU(v[i], d, of_class[i] + at + m);
    }
    for (; m < count; ++m, k += L) {
      HWY_ALIGN float lanes[L];
      hn::Store(from.load(k, 0), d, lanes);
      for (uint32_t i = 0; i < L; ++i) of_class[i][at + m] = lanes[i];
    }
  }
  float* to = c.to + (order.blocks() - 1) * c.block_floats;
  for (; k < c.K; ++k) *to++ = from.scalar(k);
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();
#endif
