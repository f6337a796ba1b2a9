// A Vulkan layer for tests that makes devices misbehave as faults.h says. The interface is that of the loader's
// documentation (LoaderLayerInterface.md): the loader calls the one exported function, and finds the rest through it.
#include "layer.h"

namespace fulmar::faults {
namespace {

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device, const char* name);

PFN_vkVoidFunction find(std::span<const Entry> entries, const char* name) {
  for (const Entry& entry : entries)
    if (std::strcmp(entry.name, name) == 0) return entry.function;
  return nullptr;
}
PFN_vkVoidFunction find_of_device(const char* name) {
  if (std::strcmp(name, "vkGetDeviceProcAddr") == 0) return reinterpret_cast<PFN_vkVoidFunction>(get_device_function);
  const PFN_vkVoidFunction found = find(device_entries(), name);
  return found ? found : find(object_entries(), name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_function(VkDevice device, const char* name) {
  if (const PFN_vkVoidFunction found = find_of_device(name)) return found;
  const Lock lock(mutex);
  return of(device).next(device, name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_function(VkInstance instance, const char* name) {
  if (std::strcmp(name, "vkGetInstanceProcAddr") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(get_instance_function);
  if (const PFN_vkVoidFunction found = find(instance_entries(), name)) return found;
  if (const PFN_vkVoidFunction found = find_of_device(name)) return found;
  return instance ? instance_of(instance).next(instance, name) : nullptr;
}

// For functions of physical devices that the loader does not know by name.
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_physical_function(VkInstance instance, const char* name) {
  if (std::strncmp(name, "vkGetPhysicalDevice", 19) == 0)
    if (const PFN_vkVoidFunction found = find(instance_entries(), name)) return found;
  const InstanceData data = instance_of(instance);
  return data.next_physical ? data.next_physical(instance, name) : nullptr;
}

}  // namespace
}  // namespace fulmar::faults

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif
EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface* wanted) {
  using namespace fulmar::faults;
  if (wanted->loaderLayerInterfaceVersion < 2) return VK_ERROR_INITIALIZATION_FAILED;
  wanted->loaderLayerInterfaceVersion = 2;
  wanted->pfnGetInstanceProcAddr = get_instance_function;
  wanted->pfnGetDeviceProcAddr = get_device_function;
  wanted->pfnGetPhysicalDeviceProcAddr = get_physical_function;
  return VK_SUCCESS;
}
