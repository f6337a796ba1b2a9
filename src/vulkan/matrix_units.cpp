// Finding and choosing matrix units; see matrix_units.h.
#include "vulkan/matrix_units.h"

#include <cstring>

#include "base/fail.h"

namespace fulmar::vulkan {

#if FULMAR_COOPERATIVE_MATRIX
namespace {

bool has_extension(const InstanceFunctions& vk, VkPhysicalDevice device, const char* wanted) {
  uint32_t count = 0;
  vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> list(count);
  vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, list.data());
  for (const VkExtensionProperties& extension : list)
    if (std::strcmp(extension.extensionName, wanted) == 0) return true;
  return false;
}

// The features that linear_coop needs; see Device's constructor.
bool has_features(const InstanceFunctions& vk, VkPhysicalDevice device) {
  auto coop = blank<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  auto f12 = blank<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  f12.pNext = &coop;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f12, {}};
  vk.vkGetPhysicalDeviceFeatures2(device, &features);
  auto stages = blank<VkPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR);
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &stages, {}};
  vk.vkGetPhysicalDeviceProperties2(device, &properties);
  return coop.cooperativeMatrix && f12.shaderFloat16 && f12.vulkanMemoryModel &&
         (stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT);
}

}  // namespace

std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions& vk, const PhysicalDevice& device) {
  const auto get = vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR;
  if (!get || !has_extension(vk, device.handle, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME) ||
      !has_features(vk, device.handle))
    return std::nullopt;
  uint32_t count = 0;
  get(device.handle, &count, nullptr);
  std::vector<VkCooperativeMatrixPropertiesKHR> list(
      count, blank<VkCooperativeMatrixPropertiesKHR>(VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR));
  get(device.handle, &count, list.data());
  std::optional<MatrixTile> found;
  for (const VkCooperativeMatrixPropertiesKHR& p : list) {
    const bool half = p.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p.BType == VK_COMPONENT_TYPE_FLOAT16_KHR;
    const bool sums =
        p.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR;
    if (!half || !sums || p.saturatingAccumulation || p.scope != VK_SCOPE_SUBGROUP_KHR) continue;
    const MatrixTile tile{p.MSize, p.NSize, p.KSize};
    const auto fits = [](uint32_t size) { return size == 8 || size == 16; };
    if (tile == MatrixTile{16, 16, 16}) return tile;
    // Where subgroups come in several sizes, other products belong to one of them, and nothing says to which.
    if (!found && !device.choose_subgroup_size && fits(tile.m) && fits(tile.n) && fits(tile.k)) found = tile;
  }
  return found;
}
#else
std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions&, const PhysicalDevice&) {
  return std::nullopt;
}
#endif

void choose_matrix_units(PhysicalDevice& device, MatrixUnits choice) {
  const std::optional<MatrixTile>& tile = device.matrix_tile;
  if (choice == MatrixUnits::always && !tile)
    fail(ErrorKind::unsupported, "{} offers no cooperative matrices of a usable size, or this build has none",
         device.caps.name);
  // Software emulates them at a fraction of the plain kernel's speed.
  device.matrix_units = choice == MatrixUnits::always || (tile && !device.caps.software);
  if (tile)
    device.caps.features.push_back(fmt::format("{}cooperative matrix {}x{}x{} f16",
                                               device.matrix_units ? "" : "offers ", tile->m, tile->n,
                                               tile->k));
}

}  // namespace fulmar::vulkan
