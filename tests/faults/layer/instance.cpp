// The fault layer's functions of an instance: what devices say of themselves; see faults.h.
#include <algorithm>
#include <cstdio>
#include <type_traits>
#include <vector>

#include "layer.h"

namespace fulmar::faults {

std::recursive_mutex mutex;
std::map<void*, InstanceData> instances;
std::map<void*, std::unique_ptr<DeviceData>> devices;

namespace {

template <typename T>
T* find_in_chain(void* chain, VkStructureType type) {
  for (auto* at = static_cast<VkBaseOutStructure*>(chain); at; at = at->pNext)
    if (at->sType == type) return reinterpret_cast<T*>(at);
  return nullptr;
}

VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* memory,
                                               VkInstance* out) {
  auto* link = static_cast<VkLayerInstanceCreateInfo*>(const_cast<void*>(info->pNext));
  while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO))
    link = static_cast<VkLayerInstanceCreateInfo*>(const_cast<void*>(link->pNext));
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  const PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  const PFN_GetPhysicalDeviceProcAddr next_physical = link->u.pLayerInfo->pfnNextGetPhysicalDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  const auto create = reinterpret_cast<PFN_vkCreateInstance>(next(VK_NULL_HANDLE, "vkCreateInstance"));
  const VkResult result = create(info, memory, out);
  const Lock lock(mutex);
  if (result != VK_SUCCESS) return result;
  InstanceData& data = instances[key(*out)];
  data.handle = *out;
  data.next = next;
  data.next_physical = next_physical;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(next(*out, name));
  };
  constexpr VkInstanceCreateFlags enumerate_portability = 1;
  data.lists_portability = (info->flags & enumerate_portability) != 0 &&
                           has_name(info->ppEnabledExtensionNames, info->enabledExtensionCount,
                                    "VK_KHR_portability_enumeration");
  find(data.destroy, "vkDestroyInstance");
  find(data.list_devices, "vkEnumeratePhysicalDevices");
  find(data.properties, "vkGetPhysicalDeviceProperties2");
  find(data.features, "vkGetPhysicalDeviceFeatures2");
  find(data.extensions, "vkEnumerateDeviceExtensionProperties");
  find(data.memory, "vkGetPhysicalDeviceMemoryProperties");
  return result;
}

VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance, const VkAllocationCallbacks* memory) {
  const InstanceData data = instance_of(instance);
  {
    const Lock lock(mutex);
    instances.erase(key(instance));
  }
  data.destroy(instance, memory);
}

VKAPI_ATTR VkResult VKAPI_CALL list_devices(VkInstance instance, uint32_t* count, VkPhysicalDevice* list) {
  const Faults faults = of_environment();
  const InstanceData data = instance_of(instance);
  if (faults.no_device || (faults.portability && !data.lists_portability))
    return VK_ERROR_INITIALIZATION_FAILED;  // as the loader itself says it
  return data.list_devices(instance, count, list);
}

VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* out) {
  instance_of(device).properties(device, out);
  const Faults faults = of_environment();
  if (faults.discrete) out->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  if (faults.max_groups)
    for (uint32_t* limit : {&out->properties.limits.maxComputeWorkGroupCount[0],
                            &out->properties.limits.maxComputeWorkGroupCount[1]})
      *limit = static_cast<uint32_t>(faults.max_groups);
  if (faults.max_allocation) {
    if (auto* p = find_in_chain<VkPhysicalDeviceVulkan11Properties>(
            out->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES))
      p->maxMemoryAllocationSize = faults.max_allocation;
    if (auto* p = find_in_chain<VkPhysicalDeviceVulkan13Properties>(
            out->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES))
      p->maxBufferSize = faults.max_allocation;
  }
#ifdef VK_KHR_cooperative_matrix
  if (faults.offer)
    if (auto* p = find_in_chain<VkPhysicalDeviceCooperativeMatrixPropertiesKHR>(
            out->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR))
      p->cooperativeMatrixSupportedStages = VK_SHADER_STAGE_COMPUTE_BIT;
#endif
}

#ifdef VK_KHR_cooperative_matrix
VKAPI_ATTR void VKAPI_CALL get_features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* out) {
  instance_of(device).features(device, out);
  auto* matrix = find_in_chain<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      out->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  const Faults faults = of_environment();
  if (matrix && faults.offer) matrix->cooperativeMatrix = VK_TRUE;
  if (matrix && faults.no_matrix_units) matrix->cooperativeMatrix = VK_FALSE;
}

VKAPI_ATTR VkResult VKAPI_CALL get_matrix_sizes(VkPhysicalDevice device, uint32_t* count,
                                                VkCooperativeMatrixPropertiesKHR* list) {
  const Faults faults = of_environment();
  suffer(faults.matrix_query);
  if (faults.matrix_query == "fail") return VK_ERROR_OUT_OF_HOST_MEMORY;
  const char* name = "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR";
  const InstanceData data = instance_of(device);
  // A loader that does not know the function answers for it itself, unless it is asked this way.
  const auto next = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      data.next_physical ? data.next_physical(data.handle, name) : data.next(data.handle, name));
  if (next && !faults.offer) return next(device, count, list);
  if (!list) return *count = 1, VK_SUCCESS;
  if (*count == 0) return VK_INCOMPLETE;
  *count = 1;
  list->MSize = list->NSize = list->KSize = 16;
  list->AType = list->BType = VK_COMPONENT_TYPE_FLOAT16_KHR;
  list->CType = list->ResultType = VK_COMPONENT_TYPE_FLOAT32_KHR;
  list->saturatingAccumulation = VK_FALSE;
  list->scope = VK_SCOPE_SUBGROUP_KHR;
  return VK_SUCCESS;
}
#endif

VKAPI_ATTR VkResult VKAPI_CALL list_extensions(VkPhysicalDevice device, const char* layer, uint32_t* count,
                                               VkExtensionProperties* list) {
  if (layer && std::strcmp(layer, "VK_LAYER_FULMAR_faults") == 0) return *count = 0, VK_SUCCESS;
  const auto next = instance_of(device).extensions;
  const Faults faults = of_environment();
  if (layer || !(faults.offer || faults.portability)) return next(device, layer, count, list);
  uint32_t real = 0;
  next(device, nullptr, &real, nullptr);
  std::vector<VkExtensionProperties> all(real);
  if (real) next(device, nullptr, &real, all.data());
  const auto claim = [&](const char* name, uint32_t version) {
    for (const VkExtensionProperties& e : all)
      if (std::strcmp(e.extensionName, name) == 0) return;
    VkExtensionProperties& claimed = all.emplace_back();
    std::snprintf(claimed.extensionName, sizeof claimed.extensionName, "%s", name);
    claimed.specVersion = version;
  };
  if (faults.offer) claim(matrix_extension, 2);
  if (faults.portability) claim(portability_subset, 1);
  if (!list) return *count = static_cast<uint32_t>(all.size()), VK_SUCCESS;
  const auto fit = std::min<size_t>(*count, all.size());
  std::copy_n(all.begin(), fit, list);
  *count = static_cast<uint32_t>(fit);
  return fit < all.size() ? VK_INCOMPLETE : VK_SUCCESS;
}

const Entry entries[] = {
    FAULT_ENTRY("vkCreateInstance", create_instance),
    FAULT_ENTRY("vkDestroyInstance", destroy_instance),
    FAULT_ENTRY("vkEnumeratePhysicalDevices", list_devices),
    FAULT_ENTRY("vkGetPhysicalDeviceProperties2", get_properties),
#ifdef VK_KHR_cooperative_matrix
    FAULT_ENTRY("vkGetPhysicalDeviceFeatures2", get_features),
    FAULT_ENTRY("vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR", get_matrix_sizes),
#endif
    FAULT_ENTRY("vkEnumerateDeviceExtensionProperties", list_extensions)};

}  // namespace

std::span<const Entry> instance_entries() { return entries; }

}  // namespace fulmar::faults
