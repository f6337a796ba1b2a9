// Vulkan's functions, found at run time: the program links no Vulkan library and starts without one.
#pragma once
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/dynamic_library.h"

namespace fulmar::vulkan {

#define FULMAR_VK_GLOBAL(X)     \
  X(vkCreateInstance)           \
  X(vkEnumerateInstanceVersion) \
  X(vkEnumerateInstanceLayerProperties) X(vkEnumerateInstanceExtensionProperties)

#define FULMAR_VK_INSTANCE(X)                                                         \
  X(vkEnumeratePhysicalDevices)                                                       \
  X(vkGetPhysicalDeviceProperties2)                                                   \
  X(vkGetPhysicalDeviceFeatures2)                                                     \
  X(vkGetPhysicalDeviceMemoryProperties)                                              \
  X(vkGetPhysicalDeviceMemoryProperties2) X(vkGetPhysicalDeviceQueueFamilyProperties) \
      X(vkEnumerateDeviceExtensionProperties) X(vkCreateDevice) X(vkGetDeviceProcAddr)

#define FULMAR_VK_DEVICE(X)                                                                                 \
  X(vkDestroyDevice)                                                                                        \
  X(vkGetDeviceQueue)                                                                                       \
  X(vkQueueSubmit2)                                                                                         \
  X(vkCreateBuffer) X(vkDestroyBuffer) X(vkGetBufferMemoryRequirements) X(vkGetBufferDeviceAddress)         \
      X(vkAllocateMemory) X(vkFreeMemory) X(vkBindBufferMemory) X(vkMapMemory) X(vkCreateCommandPool)       \
          X(vkDestroyCommandPool) X(vkAllocateCommandBuffers) X(vkResetCommandPool) X(vkBeginCommandBuffer) \
              X(vkEndCommandBuffer) X(vkCmdPipelineBarrier2) X(vkCmdCopyBuffer) X(vkCmdFillBuffer)          \
                  X(vkCmdBindPipeline) X(vkCmdPushConstants) X(vkCmdDispatch) X(vkCmdResetQueryPool)        \
                      X(vkCmdWriteTimestamp2) X(vkCreateQueryPool) X(vkDestroyQueryPool)                    \
                          X(vkGetQueryPoolResults) X(vkCreateSemaphore) X(vkDestroySemaphore)               \
                              X(vkWaitSemaphores) X(vkGetSemaphoreCounterValue) X(vkCreateShaderModule) X(vkDestroyShaderModule)          \
                                  X(vkCreatePipelineLayout) X(vkDestroyPipelineLayout)                      \
                                      X(vkCreatePipelineCache) X(vkDestroyPipelineCache)                    \
                                          X(vkGetPipelineCacheData) X(vkCreateComputePipelines)             \
                                              X(vkDestroyPipeline)

// The loader's own entry points.
struct Loader {
  DynamicLibrary library;
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
#define X(name) PFN_##name name = nullptr;
  FULMAR_VK_GLOBAL(X)
#undef X
};
// Nothing where the loader library is absent or too old; `why_none` then says so.
std::optional<Loader> open_loader(std::string& why_none);

struct InstanceFunctions {
#define X(name) PFN_##name name = nullptr;
  FULMAR_VK_INSTANCE(X)
#undef X
#if FULMAR_COOPERATIVE_MATRIX
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR =
      nullptr;  // where the loader or a driver knows it
#endif
  void load(const Loader& loader, VkInstance instance);
};

struct DeviceFunctions {
#define X(name) PFN_##name name = nullptr;
  FULMAR_VK_DEVICE(X)
#undef X
  void load(const InstanceFunctions& instance, VkDevice device);
};

// A Vulkan struct of zeros but for its type.
template <typename T>
T blank(VkStructureType type) {
  T out{};
  out.sType = type;
  return out;
}

// Every item of one of Vulkan's lists, which are asked for twice: `ask(&count, items)` answers a VkResult. A
// list that grows in between is asked for again; where a driver fails or never stops growing, what there is.
template <typename T, typename Ask>
std::vector<T> list_all(const Ask& ask, const T& item = {}) {
  constexpr uint32_t most = 4096;  // a count beyond is a driver's mistake
  std::vector<T> list;
  for (int turn = 0; turn < 4; ++turn) {
    uint32_t count = 0;
    if (ask(&count, static_cast<T*>(nullptr)) < 0 || count == 0) return {};
    count = std::min(count, most);
    list.assign(count, item);
    const VkResult result = ask(&count, list.data());
    list.resize(result < 0 ? 0 : std::min<size_t>(count, list.size()));
    if (result != VK_INCOMPLETE) break;
  }
  return list;
}

// Throws the Error that fits a failed call: device_lost, out_of_memory or internal, with `what` was being
// done.
void check(VkResult result, const char* what);

// A device as what belongs to it sees it.
struct DeviceOwner {
  VkDevice handle = VK_NULL_HANDLE;
  PFN_vkDestroyDevice destroy = nullptr;
  // Its work never ended: it and all that belongs to it is left as it is, since a driver may wait for that
  // work for ever before it destroys anything.
  bool abandoned = false;

  DeviceOwner() = default;
  DeviceOwner(const DeviceOwner&) = delete;
  DeviceOwner& operator=(const DeviceOwner&) = delete;
  ~DeviceOwner() {
    if (handle && destroy && !abandoned) destroy(handle, nullptr);
  }
};

// A device's child object, destroyed before its owner. All of them are destroyed through the same signature.
template <typename T>
class Unique {
 public:
  using Destroy = void(VKAPI_PTR*)(VkDevice, T, const VkAllocationCallbacks*);
  Unique() = default;
  Unique(const DeviceOwner& owner, T handle, Destroy destroy)
      : owner_(&owner), handle_(handle), destroy_(destroy) {}
  Unique(Unique&& other) noexcept : Unique() { swap(other); }
  Unique& operator=(Unique&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Unique() {
    if (handle_ && !owner_->abandoned) destroy_(owner_->handle, handle_, nullptr);
  }
  T get() const { return handle_; }
  explicit operator bool() const { return handle_ != VK_NULL_HANDLE; }

 private:
  void swap(Unique& other) {
    std::swap(owner_, other.owner_);
    std::swap(handle_, other.handle_);
    std::swap(destroy_, other.destroy_);
  }
  const DeviceOwner* owner_ = nullptr;
  T handle_ = VK_NULL_HANDLE;
  Destroy destroy_ = nullptr;
};

}  // namespace fulmar::vulkan
