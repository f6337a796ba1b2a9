// Linear as tasks: dot products while the rows are few, decoded panels times packed rows when they are many.
#pragma once
#include <memory>

#include "cpu/kernels.h"
#include "cpu/task.h"
#include "ops/ops.h"

namespace fulmar::cpu {

// Up to this many rows the dot kernels are faster: they need no packing, and weights are not written to a
// panel first.
inline constexpr uint32_t max_dot_rows = 16;

struct LinearArgs {
  const std::byte* w = nullptr;  // [N, K]
  Format format = Format::f32;
  uint32_t N = 0, K = 0;
  const float *x = nullptr, *bias = nullptr, *gate = nullptr;
  float* y = nullptr;
  const float* packed = nullptr;  // where the PackTask of x writes
  uint32_t act = 0;
  bool accumulate = false, picked = false;
  uint32_t max_rows = 0;   // of the compiled shape
  bool same_sums = false;  // see sum_classes
};
// Classes of k that panels keep to, so that a row's results are the same bits however many rows a step has:
// as many as the kernels have lanes. With 16 lanes (AVX-512) only where that is wanted: there the classes
// cost decoding 17 to 32 rows about a tenth of its speed by counting instructions; with 8 and 4 they cost
// nothing that can be measured.
uint32_t sum_classes(bool wanted);

std::unique_ptr<Task> make_linear(const LinearArgs& args, uint32_t threads);

// Packs x [rows, K] for the panel path; does nothing when there are few rows.
std::unique_ptr<Task> make_pack(const float* x, uint32_t K, bool picked, bool same_sums, float* packed);
uint64_t packed_floats(uint32_t rows, uint32_t K);

}  // namespace fulmar::cpu
