// The vector kernels as plain function tables, one filled per instruction set and chosen once at run time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/format.h"

namespace fulmar::cpu {

// Rows [n0, n1) of W times T rows of x.
struct DotCall {
  const std::byte* w;  // [N, K] in the kernel's format
  uint64_t N, K;
  const float* x;  // [T, K]
  uint32_t T, n0, n1;
  float* sums;     // [T, n1 - n0]
  float* scratch;  // dot_scratch_floats(K)
};
// A row's scales, made floats: up to one for each 16 elements, or two for each 32.
constexpr uint64_t row_scale_floats(uint64_t K) {
  return K / 16 + 16;
}
constexpr uint64_t dot_scratch_floats(uint64_t K) {
  return 4 * row_scale_floats(K);
}

struct FormatKernels {
  Format format;
  uint64_t (*row_bytes)(uint64_t K);  // from one row of W to the next
  void (*dot)(const DotCall& call);
  // Elements [k0, k0 + count) of a row, as floats; k0 a multiple of panel_k.
  void (*decode)(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, uint64_t k0, uint32_t count,
                 float* out);
};

// What happens to a run of sums on their way to y.
struct Epilogue {
  const float* bias;  // or null, as gate
  const float* gate;
  float* y;
  uint32_t act;
  bool accumulate;
};

// Many rows: weights are decoded panel by panel to f32, x is packed k-major so that lanes run over rows.
inline constexpr uint32_t panel_k = 256;  // k per block: a block of packed x stays in the L1 cache
inline constexpr uint32_t panel_stride = panel_k + 16;  // floats between a panel's rows; not a power of 2

// c[n][t] (+)= sum over k of w[n][k] x[k][t], for tile_n rows n; `wide`: 2 * lanes columns t, else `lanes`.
struct TileCall {
  const float* w;  // [tile_n][panel_stride]
  const float* x;  // [count][columns]
  uint32_t count;
  bool wide, add;
  float* c;
  uint64_t c_stride;
  // Memory to bring into the L2 cache meanwhile; at most panel_ahead bytes are.
  const std::byte* ahead;
  uint32_t ahead_bytes;
};
inline constexpr uint32_t panel_ahead = panel_k / 2 * 64;

struct LinearKernels {
  std::string_view target;       // "AVX3"
  const FormatKernels* formats;  // f32 first
  uint32_t format_count;
  uint32_t lanes;
  uint32_t tile_n;  // rows of W that a tile holds in registers
  // Packed x: tiles of 2 * lanes rows, [K][2 * lanes] each; a last one of at most `lanes` rows is [K][lanes].
  // This fills [k0, k1) of a tile from `rows` rows of x at stride K.
  void (*pack)(const float* x, uint64_t K, uint32_t rows, uint64_t k0, uint64_t k1, float* tile);
  void (*tile)(const TileCall& call);
  // y[i] (+)= gate[i] * act(sums[i] + bias[i])
  void (*epilogue)(const float* sums, uint32_t count, const Epilogue& epilogue);
};
const LinearKernels& linear_kernels();
std::span<const FormatKernels> block_kernels();  // those of formats whose codes share scales

struct ShiftOutput {
  const float* mix;    // [C]
  const float* delta;  // [C] or null
  float* y;            // [C]
};

struct HeadNorm {
  const float *weight, *bias;  // of this head
  float eps;
};

// One row of one head of Mix6. Pointers are at the head's first channel; S is [N][N].
struct Mix6Row {
  const float *r, *k, *v, *w, *u, *g;  // g may be null
  float *S, *y;
  uint32_t N;
  HeadNorm norm;
};

// One row of one head of Mix7; v_first and v_gate may be null.
struct Mix7Row {
  const float *r, *w, *k, *v, *a, *g, *v_first, *v_gate, *k_k, *k_a, *r_k;
  float *S, *y;
  uint32_t N;
  HeadNorm norm;
  float* scratch;  // 4 N floats
};

struct ChannelKernels {
  void (*norm)(const float* x, const float* weight, const float* bias, float eps, uint32_t C, float* y);
  void (*shift)(const float* x, const float* prev, uint32_t C, const ShiftOutput* outputs, uint32_t count);
  void (*mix4)(const float* r, const float* k, const float* v, const float* decay, const float* first,
               float* aa, float* bb, float* pp, uint32_t count, float* y);
  void (*mix6)(const Mix6Row& row);
  void (*mix7)(const Mix7Row& row);
};
const ChannelKernels& channel_kernels();

}  // namespace fulmar::cpu
