// Matrix units are trusted only after they have multiplied like the plain kernel on this very driver.
#pragma once
#include "ops/backend.h"

namespace fulmar::vulkan {

// Multiplies one small, one middle and one large matrix, so that every tile size is met, with and without
// permission to round inputs to f16, and compares. False where the results differ by more than that rounding
// explains.
bool matrix_units_agree(ops::Backend& backend);

}  // namespace fulmar::vulkan
