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

// Many rows: weights are decoded panel by panel to f32, x is packed k-major so that lanes run over rows.
inline constexpr uint32_t panel_k = 256;  // k per block: a block of packed x stays in the L1 cache
inline constexpr uint32_t panel_stride = panel_k + 16;  // floats between a panel's rows; not a power of 2

// The order of k in panels and in packed x. The dot kernels' lanes each add up every lanes-th k, a class, and
// the classes are then added by halves: 0 and lanes / 2 first. With `classes` = lanes, panels and packed x
// hold class after class, and their sums, added likewise, are the dot kernels' to the bit. With one class k
// keeps its order, which takes less work to prepare, and the sums differ from a dot kernel's in rounding.
struct PanelOrder {
  uint32_t classes = 1, depth = 0;  // k in a class
  uint32_t tail = 0;                // k behind all of them
  uint32_t run = 0, runs = 0;       // k of a class that lie together, at most panel_k, and how many such
  uint32_t together = 1;            // classes that share a block of the panel, where they are short
  static PanelOrder of(uint32_t K, uint32_t classes);
  uint32_t blocks() const { return (classes + together - 1) / together * runs + (tail > 0 ? 1 : 0); }
  // Where run r of class c is in a panel's rows: block and k in it. The tail has the last block to itself.
  uint32_t block(uint32_t c, uint32_t r) const { return c / together * runs + r; }
  uint32_t first(uint32_t c) const { return c % together * run; }
  uint32_t count(uint32_t r) const { return r + 1 < runs ? run : depth - r * run; }
};

// A row of W that goes to its places in a panel of several classes: element j of block b to
// to[b * block_floats + j].
struct SpreadCall {
  const std::byte* w;  // [N, K] in the kernel's format
  uint64_t N, K, row;
  const PanelOrder* order;
  float* to;
  uint64_t block_floats;
};

struct FormatKernels {
  Format format;
  uint64_t (*row_bytes)(uint64_t K);  // from one row of W to the next
  void (*dot)(const DotCall& call);
  // Elements [k0, k0 + count) of a row, as floats; k0 a multiple of panel_k.
  void (*decode)(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, uint64_t k0, uint32_t count,
                 float* out);
  // Null where decoding to f32 first, and spreading that, costs little in comparison.
  void (*spread)(const SpreadCall& call);
};

// What happens to a run of sums on their way to y.
struct Epilogue {
  const float* bias;  // or null, as gate
  const float* gate;
  float* y;
  uint32_t act;
  bool accumulate;
};

// to[n][t] = sum over k of w[n][k] x[k][t] for tile_n rows n and `lanes` columns t, or twice as many if
// `wide`. The sum begins with from[n][t] where there is one; then folds[i][n][t] are added, i = 0 first.
struct TileCall {
  const float* w;  // [tile_n][panel_stride]
  const float* x;  // [count][columns]
  uint32_t count;
  bool wide;
  const float* from;
  uint64_t from_stride;
  const float* folds;  // [fold_count][fold_floats], of rows of 2 * lanes
  uint32_t fold_count;
  uint64_t fold_floats;
  float* to;
  uint64_t to_stride;
  // Memory to bring into the L2 cache meanwhile; at most count / 2 cache lines are.
  const std::byte* ahead;
  uint32_t ahead_bytes;
};

// Packed x: tiles of 2 * lanes rows, [K][2 * lanes] each; a last one of at most `lanes` rows is [K][lanes].
// This fills the k of [k0, k1) of a tile from `rows` rows of x at stride K; k0 is a multiple of panel_k.
struct PackCall {
  const float* x;
  uint64_t K;
  uint32_t rows;
  uint64_t k0, k1;
  uint32_t classes;
  float* tile;
};

struct LinearKernels {
  std::string_view target;       // "AVX3"
  const FormatKernels* formats;  // f32 first
  uint32_t format_count;
  uint32_t lanes;
  uint32_t tile_n;  // rows of W that a tile holds in registers
  void (*pack)(const PackCall& call);
  void (*tile)(const TileCall& call);
  // to[j][i] = from[i][j] for i, j below lanes.
  void (*transpose)(const float* from, uint64_t from_stride, float* to, uint64_t to_stride);
  // y[i] (+)= gate[i] * act(sums[i] + bias[i])
  void (*epilogue)(const float* sums, uint32_t count, const Epilogue& epilogue);
};
const LinearKernels& linear_kernels();
std::span<const FormatKernels> block_kernels();  // those of formats whose codes share scales
const FormatKernels* find_kernels(Format format);  // of either list; null: the format has none

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
