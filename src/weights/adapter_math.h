// What adapters do to a matrix: each formula on a whole f32 matrix W [N, K] in place, spread over threads.
// Results do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <span>

namespace fulmar::adapter_math {

struct Matrix {
  std::span<float> values;  // [N, K]
  uint64_t N, K;            // outputs, inputs
};

// W += s B A, with A [r, K] and B [N, r].
void add_product(Matrix W, std::span<const float> A, std::span<const float> B, float s);

// DoRA's second half: every column c of W becomes M_c W_c / (|W_c| + 1e-6). M: [K].
void scale_columns(Matrix W, std::span<const float> M);

// Bone: W in blocks of r x r, W_ab += W_ab D_b + D_b. D: [K / r, r, r]; r divides N and K.
void add_bone(Matrix W, std::span<const float> D, uint64_t r);

// DiSHA: W[n, c] += D[c mod r, n]. D: [r, N].
void add_shared(Matrix W, std::span<const float> D, uint64_t r);

}  // namespace fulmar::adapter_math
