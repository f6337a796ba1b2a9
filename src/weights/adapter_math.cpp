// Adapters' formulas, blocked so that a tile of the small factor stays in the nearest cache while several
// rows of the large matrix pass it: 32 layers of 4096 channels with factors of rank 32 are 4e11
// multiplications.
#include "weights/adapter_math.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"

namespace fulmar::adapter_math {
namespace {

constexpr uint64_t rows_at_once = 8;
constexpr uint64_t tile = 1024;  // columns; four rows of a factor are 16 KiB
constexpr uint64_t unroll = 4;

// w += b0 a + b1 a' + ..., over four rows of a factor that lie `stride` apart; fewer where `rows` says so.
void add_rows(float* w, const float* a, uint64_t stride, const float* b, uint64_t rows, uint64_t count) {
  if (rows == unroll) {
    const float *a1 = a + stride, *a2 = a1 + stride, *a3 = a2 + stride;
    const float b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3];
    for (uint64_t i = 0; i < count; ++i) w[i] += (b0 * a[i] + b1 * a1[i]) + (b2 * a2[i] + b3 * a3[i]);
    return;
  }
  for (uint64_t r = 0; r < rows; ++r, a += stride)
    for (uint64_t i = 0; i < count; ++i) w[i] += b[r] * a[i];
}

// Calls body(first, last) for blocks of a few rows that cover [0, N), on several threads.
template <typename Body>
void for_row_blocks(uint64_t N, const Body& body) {
  parallel_for(N, [&](uint64_t begin, uint64_t end) {
    for (uint64_t n = begin; n < end; n += rows_at_once) body(n, std::min(n + rows_at_once, end));
  });
}

}  // namespace

void add_product(Matrix W, std::span<const float> A, std::span<const float> B, float s) {
  const uint64_t r = A.size() / W.K;
  for_row_blocks(W.N, [&](uint64_t first, uint64_t last) {
    for (uint64_t c = 0; c < W.K; c += tile) {
      const uint64_t count = std::min(tile, W.K - c);
      for (uint64_t k = 0; k < r; k += unroll) {
        const uint64_t rows = std::min(unroll, r - k);
        for (uint64_t n = first; n < last; ++n) {
          float scaled[unroll];
          for (uint64_t i = 0; i < rows; ++i) scaled[i] = s * B[n * r + k + i];
          add_rows(&W.values[n * W.K + c], &A[k * W.K + c], W.K, scaled, rows, count);
        }
      }
    }
  });
}

void scale_columns(Matrix W, std::span<const float> M) {
  constexpr double eps = 1e-6;
  std::vector<float> scale(W.K);
  parallel_for(W.K, [&](uint64_t begin, uint64_t end) {
    std::vector<double> squares(end - begin, 0.0);
    for (uint64_t n = 0; n < W.N; ++n) {
      const float* row = &W.values[n * W.K + begin];
      for (uint64_t i = 0; i < squares.size(); ++i) squares[i] += static_cast<double>(row[i]) * row[i];
    }
    for (uint64_t i = 0; i < squares.size(); ++i)
      scale[begin + i] = static_cast<float>(M[begin + i] / (std::sqrt(squares[i]) + eps));
  });
  parallel_for(W.N, [&](uint64_t begin, uint64_t end) {
    for (uint64_t n = begin; n < end; ++n)
      for (uint64_t c = 0; c < W.K; ++c) W.values[n * W.K + c] *= scale[c];
  });
}

void add_bone(Matrix W, std::span<const float> D, uint64_t r) {
  for_row_blocks(W.N, [&](uint64_t first, uint64_t last) {
    std::vector<float> before(r);
    for (uint64_t b = 0; b < W.K / r; ++b) {
      const float* block = &D[b * r * r];
      for (uint64_t n = first; n < last; ++n) {
        float* w = &W.values[n * W.K + b * r];
        std::copy_n(w, r, before.begin());
        for (uint64_t k = 0; k < r; k += unroll)
          add_rows(w, block + k * r, r, &before[k], std::min(unroll, r - k), r);
        for (uint64_t i = 0; i < r; ++i) w[i] += block[n % r * r + i];
      }
    }
  });
}

void add_shared(Matrix W, std::span<const float> D, uint64_t r) {
  for_row_blocks(W.N, [&](uint64_t first, uint64_t last) {
    for (uint64_t n = first; n < last; ++n)
      for (uint64_t c = 0; c < W.K; ++c) W.values[n * W.K + c] += D[c % r * W.N + n];
  });
}

}  // namespace fulmar::adapter_math
