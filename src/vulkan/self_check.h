// What must come out right on a driver before a model runs on it: the plain kernels' sums, and that matrix
// units multiply as these do.
#pragma once
#include <string>

#include "ops/backend.h"
#include "vulkan/linear_shape.h"

namespace fulmar::vulkan {

struct KernelCheck {
  bool right = false;            // products of matrices, small numbers left aside
  bool subnormals_kept = false;  // fp16 weights and scales below 2^-14 are not taken for zero
};
// Multiplies small matrices, of few rows and of many, and compares with sums in double.
KernelCheck check_kernels(ops::Backend& backend);

// Multiplies with and without permission to round inputs to f16: for every shape of tile that such a device's
// launches can get, and for every way of decoding weights. Empty where no result differs by more than that
// rounding explains.
std::string matrix_units_differ(ops::Backend& backend, const LinearDevice& device);

}  // namespace fulmar::vulkan
