// Changes to compiled kernels that depend on the device they run on.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace fulmar::vulkan {

// The module with the promise that 16-bit subnormal numbers stay what they are (SPIR-V 1.4 and later:
// DenormPreserve 16). Only for devices that offer it.
std::vector<uint32_t> with_subnormals_preserved(std::span<const uint32_t> module);

}  // namespace fulmar::vulkan
