// Vector kernels of Linear: dot products for few rows, register tiles for many, and the epilogue.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/linear_dot-inl.h"
#include "cpu/vector_math-inl.h"
#include "shared/act.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

void pack(const PackCall& c) {
  const Floats d;
  const uint32_t width = c.rows > L ? 2 * L : L;
  const uint64_t whole = c.K / L * L, depth = whole / L, step = c.classes == 1 ? 1 : depth;
  uint64_t k = c.k0;
  for (; k + L <= c.k1; k += L) {
    float* to = c.tile + (c.classes == 1 ? k : k / L) * width;
    for (uint32_t t = 0; t < width; t += L) {
      Float v[L];
      FULMAR_UNROLL
      for (uint32_t i = 0; i < L; ++i)
        v[i] = t + i < c.rows ? hn::LoadU(d, c.x + (t + i) * c.K + k) : hn::Zero(d);
      transpose(d, v);
      FULMAR_UNROLL
      for (uint32_t i = 0; i < L; ++i) hn::StoreU(v[i], d, to + i * step * width + t);
    }
  }
  for (; k < c.k1; ++k)
    for (uint32_t t = 0; t < width; ++t) c.tile[k * width + t] = t < c.rows ? c.x[t * c.K + k] : 0.0f;
}

void transpose_square(const float* from, uint64_t from_stride, float* to, uint64_t to_stride) {
  const Floats d;
  Float v[L];
  FULMAR_UNROLL
  for (uint32_t i = 0; i < L; ++i) v[i] = hn::LoadU(d, from + i * from_stride);
  transpose(d, v);
  FULMAR_UNROLL
  for (uint32_t i = 0; i < L; ++i) hn::StoreU(v[i], d, to + i * to_stride);
}

constexpr uint32_t tile_n = many_registers ? 12 : 6;

// tile_n x V vectors of sums in registers; per k, V loads of x and one broadcast per row of W.
template <int V>
HWY_INLINE void tile_of(const TileCall& call) {
  const float *HWY_RESTRICT w = call.w, *HWY_RESTRICT x = call.x;
  const Floats d;
  Float acc[tile_n][V];
  FULMAR_UNROLL
  for (uint32_t n = 0; n < tile_n; ++n) {
    FULMAR_UNROLL
    for (int v = 0; v < V; ++v)
      acc[n][v] = call.from ? hn::LoadU(d, call.from + n * call.from_stride + v * L) : hn::Zero(d);
  }
  uint32_t fetched = 0;
  for (uint32_t k = 0; k < call.count; ++k) {
    if (k % 2 == 0 && fetched < call.ahead_bytes) {
      fetch<2>(call.ahead + fetched);
      fetched += 64;
    }
    Float xs[V];
    FULMAR_UNROLL
    for (int v = 0; v < V; ++v) xs[v] = hn::LoadU(d, x + (uint64_t{k} * V + v) * L);
    FULMAR_UNROLL
    for (uint32_t n = 0; n < tile_n; ++n) {
      const Float b = hn::Set(d, w[n * panel_stride + k]);
      FULMAR_UNROLL
      for (int v = 0; v < V; ++v) acc[n][v] = hn::MulAdd(b, xs[v], acc[n][v]);
    }
  }
  for (uint32_t i = 0; i < call.fold_count; ++i) {
    const float* with = call.folds + i * call.fold_floats;
    FULMAR_UNROLL
    for (uint32_t n = 0; n < tile_n; ++n) {
      FULMAR_UNROLL
      for (int v = 0; v < V; ++v) acc[n][v] = hn::Add(hn::LoadU(d, with + (2 * n + v) * L), acc[n][v]);
    }
  }
  FULMAR_UNROLL
  for (uint32_t n = 0; n < tile_n; ++n) {
    FULMAR_UNROLL
    for (int v = 0; v < V; ++v) hn::StoreU(acc[n][v], d, call.to + n * call.to_stride + v * L);
  }
}

void tile(const TileCall& call) {
  if (call.wide) {
    tile_of<2>(call);
  } else {
    tile_of<1>(call);
  }
}

template <uint32_t act>
void epilogue_of(const float* sums, uint32_t count, const Epilogue& e) {
  const Floats d;
  uint32_t i = 0;
  for (; i + L <= count; i += L) {
    Float v = hn::LoadU(d, sums + i);
    if (e.bias) v = hn::Add(v, hn::LoadU(d, e.bias + i));
    v = activate<act>(v);
    if (e.gate) v = hn::Mul(v, hn::LoadU(d, e.gate + i));
    if (e.accumulate) v = hn::Add(v, hn::LoadU(d, e.y + i));
    hn::StoreU(v, d, e.y + i);
  }
  for (; i < count; ++i) {
    float v = shared::activate(act, sums[i] + (e.bias ? e.bias[i] : 0.0f));
    if (e.gate) v *= e.gate[i];
    e.y[i] = e.accumulate ? e.y[i] + v : v;
  }
}

void epilogue(const float* sums, uint32_t count, const Epilogue& e) {
  using namespace shared;
  switch (e.act) {
    case ACT_NONE:
      return epilogue_of<ACT_NONE>(sums, count, e);
    case ACT_RELU2:
      return epilogue_of<ACT_RELU2>(sums, count, e);
    case ACT_TANH:
      return epilogue_of<ACT_TANH>(sums, count, e);
    case ACT_SIGMOID:
      return epilogue_of<ACT_SIGMOID>(sums, count, e);
    case ACT_SILU:
      return epilogue_of<ACT_SILU>(sums, count, e);
    case ACT_DECAY6:
      return epilogue_of<ACT_DECAY6>(sums, count, e);
    default:
      return epilogue_of<ACT_DECAY7>(sums, count, e);
  }
}

const LinearKernels& linear_table() {
  static constexpr FormatKernels formats[] = {
      {Format::f32, F32Row::bytes, dot<F32Row>, decode<F32Row>, spread<F32Row>},
      {Format::f16, F16Row::bytes, dot<F16Row>, decode<F16Row>, spread<F16Row>},
      {Format::bf16, Bf16Row::bytes, dot<Bf16Row>, decode<Bf16Row>, spread<Bf16Row>},
  };
  static const LinearKernels table = {hwy::TargetName(HWY_TARGET),
                                      formats,
                                      std::size(formats),
                                      L,
                                      tile_n,
                                      pack,
                                      tile,
                                      transpose_square,
                                      epilogue};
  return table;
}

}  // namespace HWY_NAMESPACE
}  // namespace fulmar::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fulmar::cpu {
HWY_EXPORT(linear_table);
const LinearKernels& linear_kernels() {
  return HWY_DYNAMIC_DISPATCH(linear_table)();
}
}  // namespace fulmar::cpu
#endif
