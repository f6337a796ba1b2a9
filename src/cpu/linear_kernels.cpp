// Vector kernels of Linear: dot products for few rows, register tiles for many, and the epilogue.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h:
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "cpu/kernels.h"
#include "cpu/linear_formats-inl.h"
#include "cpu/vector_math-inl.h"
#include "shared/act.h"

HWY_BEFORE_NAMESPACE();
namespace fulmar::cpu {
namespace HWY_NAMESPACE {

constexpr size_t L = hn::MaxLanes(Floats());

// Asks for a cache line, into L1 (locality 3) or L2 (2); never faults, wherever it points.
template <int locality>
HWY_INLINE void fetch(const std::byte* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, locality);
#else
  hwy::Prefetch(p);
#endif
}

// x86 before AVX-512 has 16 vector registers, all else 32.
constexpr bool many_registers = HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64;

// R rows of W times T rows of x, lanes along k; every weight is loaded and converted once.
// The first pass over these rows fetches the next ones: the hardware's prefetchers lose a stream at every
// page and row.
template <class Row, int R, int T>
HWY_INLINE void dot_block(const DotCall& c, uint32_t n, uint32_t t) {
  const Floats d;
  Row rows[R];
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) rows[r] = Row(c.w, c.N, c.K, n + r, c.scratch + r * (c.K / 32 + 16));
  const float* x = c.x + t * c.K;
  Float acc[R][T];
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) {
    FULMAR_UNROLL
    for (int i = 0; i < T; ++i) acc[r][i] = hn::Zero(d);
  }
  const uint64_t ahead = std::min<uint64_t>(R * Row::bytes(c.K), 8192);
  uint64_t k = 0;
  for (; k + L <= c.K; k += L) {
    if (t == 0) {
      FULMAR_UNROLL
      for (int r = 0; r < R; ++r) fetch<3>(rows[r].address(k) + ahead);
    }
    Float xs[T];
    FULMAR_UNROLL
    for (int i = 0; i < T; ++i) xs[i] = hn::LoadU(d, x + i * c.K + k);
    FULMAR_UNROLL
    for (int r = 0; r < R; ++r) {
      const Float w = rows[r].load(k);
      FULMAR_UNROLL
      for (int i = 0; i < T; ++i) acc[r][i] = hn::MulAdd(w, xs[i], acc[r][i]);
    }
  }
  FULMAR_UNROLL
  for (int r = 0; r < R; ++r) {
    FULMAR_UNROLL
    for (int i = 0; i < T; ++i) {
      float sum = hn::GetLane(hn::SumOfLanes(d, acc[r][i]));
      for (uint64_t tail = k; tail < c.K; ++tail) sum += rows[r].scalar(tail) * x[i * c.K + tail];
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

template <class Row>
void dot(const DotCall& c) {
  uint32_t n = c.n0;
  for (; n + 4 <= c.n1; n += 4) dot_rows<Row, 4>(c, n);
  for (; n < c.n1; ++n) dot_rows<Row, 1>(c, n);
}

template <class Row>
void decode(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, uint64_t k0, uint32_t count,
            float* out) {
  const Floats d;
  float scales[panel_k / 32 + 16];
  const Row from(m, N, K, row, scales, k0, k0 + count);
  uint64_t k = 0;
  for (; k + L <= count; k += L) hn::StoreU(from.load(k0 + k), d, out + k);
  for (; k < count; ++k) out[k] = from.scalar(k0 + k);
}

void pack(const float* x, uint64_t K, uint32_t rows, uint64_t k0, uint64_t k1, float* tile) {
  const uint32_t width = rows > L ? 2 * L : L;
  constexpr uint64_t block = 16;  // one cache line of each row at a time
  for (uint64_t k = k0; k < k1; k += block) {
    const uint64_t end = k + block < k1 ? k + block : k1;
    for (uint32_t t = 0; t < width; ++t) {
      float* to = tile + t;
      if (t < rows) {
        for (uint64_t i = k; i < end; ++i) to[i * width] = x[t * K + i];
      } else {
        for (uint64_t i = k; i < end; ++i) to[i * width] = 0.0f;
      }
    }
  }
}

constexpr uint32_t tile_n = many_registers ? 12 : 6;

// tile_n x V vectors of sums in registers; per k, V loads of x and one broadcast per row of W.
template <int V>
HWY_INLINE void tile_of(const TileCall& call) {
  const float *HWY_RESTRICT w = call.w, *HWY_RESTRICT x = call.x;
  float* HWY_RESTRICT c = call.c;
  const uint64_t c_stride = call.c_stride;
  const Floats d;
  Float acc[tile_n][V];
  FULMAR_UNROLL
  for (uint32_t n = 0; n < tile_n; ++n) {
    FULMAR_UNROLL
    for (int v = 0; v < V; ++v) acc[n][v] = call.add ? hn::LoadU(d, c + n * c_stride + v * L) : hn::Zero(d);
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
  FULMAR_UNROLL
  for (uint32_t n = 0; n < tile_n; ++n) {
    FULMAR_UNROLL
    for (int v = 0; v < V; ++v) hn::StoreU(acc[n][v], d, c + n * c_stride + v * L);
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
      {Format::f32, F32Row::bytes, dot<F32Row>, decode<F32Row>},
      {Format::f16, F16Row::bytes, dot<F16Row>, decode<F16Row>},
      {Format::bf16, Bf16Row::bytes, dot<Bf16Row>, decode<Bf16Row>},
      {Format::i8, I8Row::bytes, dot<I8Row>, decode<I8Row>},
  };
  static const LinearKernels table = {
      hwy::TargetName(HWY_TARGET), formats, std::size(formats), L, tile_n, pack, tile, epilogue};
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
