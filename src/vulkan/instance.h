// The Vulkan instance, its usable devices, and the validation layer when it is asked for.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "vulkan/functions.h"

namespace fulmar::vulkan {

// One product of a device's matrix units: [m, k] x [k, n].
struct MatrixTile {
  uint32_t m, n, k;
  bool operator==(const MatrixTile&) const = default;
};

// A device this backend can run on: Vulkan 1.3, buffer device addresses, a compute queue, the subgroup
// operations used.
struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  ops::Caps caps;
  uint32_t queue_family = 0;
  uint32_t copy_family = 0,
           copy_queue = 0;  // for copies beside programs; the programs' queue for want of one
  uint32_t subgroup_size = 32;
  bool choose_subgroup_size = false;  // pipelines may ask for it
  bool timestamps = false;
  float timestamp_period = 1;  // nanoseconds a tick
  uint64_t max_allocation = 0;
  uint32_t max_workgroup = 0;
  std::optional<MatrixTile> matrix_tile;  // of f16 inputs and f32 sums, where it offers that
  bool matrix_units = false;              // they are used
  uint8_t driver_uuid[VK_UUID_SIZE] = {};
  uint8_t cache_uuid[VK_UUID_SIZE] = {};
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  VkPhysicalDeviceMemoryProperties memory = {};
};

class Instance {
 public:
  // Null where there is no loader, driver or usable device; `why_none` then says which.
  static std::shared_ptr<const Instance> open(std::string& why_none);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const InstanceFunctions& vk() const { return vk_; }
  // Discrete GPUs first, then integrated and virtual ones, implementations on the CPU last.
  const std::vector<PhysicalDevice>& devices() const { return devices_; }

 private:
  Instance() = default;
  void find_devices(std::string& why_none);

  std::shared_ptr<const Loader> loader_;
  VkInstance handle_ = VK_NULL_HANDLE;
  InstanceFunctions vk_;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  std::vector<PhysicalDevice> devices_;
};

}  // namespace fulmar::vulkan
