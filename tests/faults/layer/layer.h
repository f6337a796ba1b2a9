// What the parts of the fault layer share: instances, devices, and the functions each part answers for.
#pragma once
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>
#include <vulkan/vk_layer.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>

#include "faults.h"

namespace fulmar::faults {

struct InstanceData {
  VkInstance handle = VK_NULL_HANDLE;
  PFN_vkGetInstanceProcAddr next = nullptr;
  PFN_GetPhysicalDeviceProcAddr next_physical = nullptr;
  bool lists_portability = false;  // the program asked for devices that implement less than all of Vulkan
  // Looked up while the instance is made: asked later, the loader answers with the beginning of the chain.
  PFN_vkDestroyInstance destroy = nullptr;
  PFN_vkEnumeratePhysicalDevices list_devices = nullptr;
  PFN_vkGetPhysicalDeviceProperties2 properties = nullptr;
  PFN_vkGetPhysicalDeviceFeatures2 features = nullptr;
  PFN_vkEnumerateDeviceExtensionProperties extensions = nullptr;
  PFN_vkGetPhysicalDeviceMemoryProperties memory = nullptr;
};

struct DeviceData {
  VkDevice handle = VK_NULL_HANDLE;
  PFN_vkGetDeviceProcAddr next = nullptr;
  Faults faults;
  uint32_t memory_types = 0;  // of the driver
  uint64_t submits = 0, calls = 0;
  bool lost = false, stopped = false;
  // Made and not destroyed. By handle, so that a leak check sees what a stopped device keeps.
  std::set<uint64_t> objects;
  template <typename T>
  void made(T object) {
    objects.insert((uint64_t)object);  // a pointer or a number, by platform
  }
  template <typename T>
  void gone(T object) {
    objects.erase((uint64_t)object);
  }
  std::set<VkShaderModule> matrix_modules;  // that use cooperative matrices, as the next two
  std::set<VkPipeline> matrix_pipelines;
  std::set<VkPipeline> imagined;  // those the driver could not compile: it knows nothing of them
  std::set<VkCommandBuffer> matrix_commands;
  std::map<VkCommandBuffer, VkPipeline> bound;
  std::map<VkCommandBuffer, VkSemaphoreSubmitInfo> submitted;  // what says that its last submit is done
  template <typename F>
  F get(const char* name) const {
    return reinterpret_cast<F>(next(handle, name));
  }
  // Whether this call is the one that fails.
  bool fails() { return ++calls == faults.fail; }
};

using Lock = std::lock_guard<std::recursive_mutex>;
extern std::recursive_mutex mutex;
extern std::map<void*, InstanceData> instances;  // by key()
extern std::map<void*, std::unique_ptr<DeviceData>> devices;

// The same for a device, its queues and its command buffers, and for an instance and its physical devices: the loader
// puts its table's address first in each.
inline void* key(const void* handle) {
  void* first;
  std::memcpy(&first, handle, sizeof first);
  return first;
}
inline DeviceData& of(const void* handle) { return *devices.at(key(handle)); }
inline InstanceData instance_of(const void* handle) {
  const Lock lock(mutex);
  return instances.at(key(handle));
}

// Drivers wait for what a device has under way before they destroy anything of it.
inline void hang_if_stopped(VkDevice device) {
  bool stopped;
  {
    const Lock lock(mutex);
    stopped = of(device).stopped;
  }
  if (stopped) hang();
}

#ifdef VK_KHR_cooperative_matrix
inline constexpr const char* matrix_extension = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
#else
inline constexpr const char* matrix_extension = "VK_KHR_cooperative_matrix";
#endif

inline constexpr const char* portability_subset = "VK_KHR_portability_subset";

inline bool has_name(const char* const* list, uint32_t count, const char* name) {
  for (uint32_t i = 0; i < count; ++i)
    if (std::strcmp(list[i], name) == 0) return true;
  return false;
}

struct Entry {
  const char* name;
  PFN_vkVoidFunction function;
};
#define FAULT_ENTRY(name, function) {name, reinterpret_cast<PFN_vkVoidFunction>(function)}
std::span<const Entry> instance_entries();
std::span<const Entry> device_entries();
std::span<const Entry> object_entries();

}  // namespace fulmar::faults
