// Matrix units (VK_KHR_cooperative_matrix): what a device offers and whether a backend uses it.
#pragma once
#include "vulkan/backend.h"
#include "vulkan/instance.h"

namespace fulmar::vulkan {

// The size of products with f16 inputs and f32 sums that kernels can use; none where the device has no such.
std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions& vk, const PhysicalDevice& device);

// Settles whether they are used and says so in the device's features.
void choose_matrix_units(PhysicalDevice& device, MatrixUnits choice);

}  // namespace fulmar::vulkan
