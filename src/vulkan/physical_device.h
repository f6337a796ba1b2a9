// What a driver says of a device, and what this backend makes of it: whether it can be used, and how.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "vulkan/functions.h"

namespace fulmar::vulkan {

constexpr uint64_t mebibyte = 1 << 20;

// Where a device sits: domain, bus, device, function.
struct PciPlace {
  uint32_t domain, bus, device, function;
  bool operator==(const PciPlace&) const = default;
};

// A driver's answers to questions that no driver is known to stumble over; nothing beyond them is asked of a
// device before it is opened.
struct Report {
  VkPhysicalDeviceProperties properties = {};
  // Zeros below Vulkan 1.3.
  VkPhysicalDeviceVulkan11Properties p11 = {};
  VkPhysicalDeviceVulkan12Properties p12 = {};
  VkPhysicalDeviceVulkan13Properties p13 = {};
  VkPhysicalDeviceVulkan12Features f12 = {};
  VkPhysicalDeviceVulkan13Features f13 = {};
  std::vector<VkQueueFamilyProperties> families;
  VkPhysicalDeviceMemoryProperties memory = {};
  std::vector<std::string> extensions;
  std::optional<PciPlace> pci;  // where the driver tells
  bool has(const char* extension) const;
};
Report ask(const InstanceFunctions& vk, VkPhysicalDevice device);

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
  uint64_t timestamp_mask = 0;        // the bits that count; 0: there are no time stamps
  float timestamp_period = 1;         // nanoseconds a tick
  uint64_t max_allocation = 0;
  uint32_t max_workgroup = 0;  // threads
  uint32_t max_shared = 16384;  // bytes of memory that a workgroup shares
  uint32_t max_groups = 0;     // of a launch, in each direction
  bool integrated = false;     // every heap is the same memory
  bool portability_subset = false, tells_free_memory = false, offers_matrix_units = false;
  bool may_preserve_subnormals = false;   // a kernel may ask that small fp16 numbers are read as they are
  bool preserve_subnormals = false;       // kernels do
  std::optional<MatrixTile> matrix_tile;  // of the matrix units, where they are used: f16 inputs, f32 sums
  uint32_t vendor = 0, product = 0, driver_version = 0;
  VkDriverId driver = {};
  uint8_t device_uuid[VK_UUID_SIZE] = {}, driver_uuid[VK_UUID_SIZE] = {}, cache_uuid[VK_UUID_SIZE] = {};
  std::optional<PciPlace> pci;
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  VkPhysicalDeviceMemoryProperties memory = {};

  // From one time stamp to a later one, which may have begun at zero again.
  uint64_t ticks(uint64_t from, uint64_t to) const { return (to - from) & timestamp_mask; }
};

// Fills in everything but the handle. Empty when the device is usable, else what it lacks.
std::string describe(const Report& report, PhysicalDevice& device);

struct Queues {
  uint32_t family, copy_family, copy_queue;
};
// Nothing where no family computes.
std::optional<Queues> choose_queues(const std::vector<VkQueueFamilyProperties>& families);

struct Subgroups {
  uint32_t size;
  bool choose;  // pipelines ask for this size
};
// Kernels want subgroups of 32 or 64, whichever is nearer to what the driver would take. A device that has
// several sizes and does not let one choose is taken at its word, and the check at the first start decides.
// Nothing where kernels cannot run in such subgroups.
std::optional<Subgroups> choose_subgroups(uint32_t usual, uint32_t least, uint32_t most, bool may_choose);

// Memory that buffers can have: the largest heap of a card's own memory; on an integrated device all heaps,
// since its driver may show a small part of the system's memory as the device's own and the rest beside it.
uint64_t usable_memory(const VkPhysicalDeviceMemoryProperties& memory, bool integrated);
// The same of what is free now; 0 where the driver does not tell.
uint64_t free_memory(const InstanceFunctions& vk, const PhysicalDevice& device);

// Types among `allowed` to allocate from, the best first: with all of `needed` and as many as possible of
// `wanted`. On an integrated device one of each heap, to be tried in turn; else a single one; none where
// nothing will do.
std::vector<uint32_t> memory_types(const VkPhysicalDeviceMemoryProperties& memory, uint32_t allowed,
                                   VkMemoryPropertyFlags needed, VkMemoryPropertyFlags wanted,
                                   bool integrated);

// Two drivers may show one card: the maker's own, or Mesa's for AMD, is kept. Then sorts: discrete GPUs
// first, then integrated and virtual ones, implementations on the CPU last.
void arrange(std::vector<PhysicalDevice>& devices);

}  // namespace fulmar::vulkan
