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
  uint32_t max_rows = 0;  // of the compiled shape
};
std::unique_ptr<Task> make_linear(const LinearArgs& args, uint32_t threads);

// Packs x [rows, K] for the panel path; does nothing when there are few rows.
std::unique_ptr<Task> make_pack(const float* x, uint32_t K, bool picked, float* packed);
uint64_t packed_floats(uint32_t rows, uint32_t K);

}  // namespace fulmar::cpu
