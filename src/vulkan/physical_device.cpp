// Asking about a device and judging the answers; see physical_device.h.
#include "vulkan/physical_device.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/fail.h"

namespace fulmar::vulkan {
namespace {

// Less than any device is promised to have: staging takes blocks of 16 MiB, kernels workgroups of 256.
constexpr uint64_t least_allocation = 16 * mebibyte;
constexpr uint32_t least_workgroup = 256, least_shared = 18432;

int rank(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 4;
    default:
      return 3;
  }
}

// Among drivers of one card.
int rank(VkDriverId driver) {
  constexpr auto nvk = static_cast<VkDriverId>(24);  // newer than some headers
  switch (driver) {
    case VK_DRIVER_ID_MESA_RADV:
    case VK_DRIVER_ID_NVIDIA_PROPRIETARY:
      return 0;
    case VK_DRIVER_ID_AMD_OPEN_SOURCE:
    case nvk:
      return 2;
    default:
      return 1;
  }
}

bool same_card(const PhysicalDevice& a, const PhysicalDevice& b) {
  if (a.pci && b.pci) return *a.pci == *b.pci;
  constexpr uint8_t unknown[VK_UUID_SIZE] = {};
  return std::memcmp(a.device_uuid, b.device_uuid, VK_UUID_SIZE) == 0 &&
         std::memcmp(a.device_uuid, unknown, VK_UUID_SIZE) != 0;
}

// What Vulkan 1.3 promises and a driver may lack all the same; null where nothing is missing.
const char* missing_feature(const Report& r) {
  const std::pair<VkBool32, const char*> needed[] = {{r.f12.bufferDeviceAddress, "buffer device addresses"},
                                                     {r.f12.timelineSemaphore, "timeline semaphores"},
                                                     {r.f13.synchronization2, "synchronization2"},
                                                     {r.f13.maintenance4, "maintenance4"},
                                                     {r.f13.subgroupSizeControl, "control of subgroup sizes"},
                                                     {r.f13.computeFullSubgroups, "full subgroups"}};
  for (const auto& [there, name] : needed)
    if (!there) return name;
  constexpr VkSubgroupFeatureFlags operations =
      VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT |
      VK_SUBGROUP_FEATURE_QUAD_BIT;
  if ((r.p11.subgroupSupportedOperations & operations) != operations ||
      !(r.p11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
    return "subgroup operations";
  return nullptr;
}

bool computes(const VkQueueFamilyProperties& family) {
  return family.queueCount > 0 && (family.queueFlags & VK_QUEUE_COMPUTE_BIT);
}

uint64_t low_bits(uint32_t count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Of all heaps on an integrated device, else of the largest of the card's own.
template <typename Bytes>
uint64_t sum_heaps(const VkPhysicalDeviceMemoryProperties& memory, bool integrated, const Bytes& bytes) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < std::min<uint32_t>(memory.memoryHeapCount, VK_MAX_MEMORY_HEAPS); ++i)
    if (integrated)
      total += bytes(i);
    else if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      total = std::max<uint64_t>(total, bytes(i));
  return total;
}

}  // namespace

bool Report::has(const char* extension) const {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

Report ask(const InstanceFunctions& vk, VkPhysicalDevice device) {
  Report r;
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
  vk.vkGetPhysicalDeviceProperties2(device, &properties);
  r.properties = properties.properties;
  if (r.properties.apiVersion < VK_API_VERSION_1_3) return r;

  for (const VkExtensionProperties& extension :
       list_all<VkExtensionProperties>([&](uint32_t* count, VkExtensionProperties* list) {
         return vk.vkEnumerateDeviceExtensionProperties(device, nullptr, count, list);
       }))
    r.extensions.emplace_back(extension.extensionName);
  r.p11 = blank<VkPhysicalDeviceVulkan11Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  r.p12 = blank<VkPhysicalDeviceVulkan12Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  r.p13 = blank<VkPhysicalDeviceVulkan13Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES);
  auto pci = blank<VkPhysicalDevicePCIBusInfoPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT);
  properties.pNext = &r.p11;
  r.p11.pNext = &r.p12;
  r.p12.pNext = &r.p13;
  const bool tells_place = r.has(VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
  if (tells_place) r.p13.pNext = &pci;
  vk.vkGetPhysicalDeviceProperties2(device, &properties);
  if (tells_place) r.pci = {pci.pciDomain, pci.pciBus, pci.pciDevice, pci.pciFunction};

  r.f12 = blank<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  r.f13 = blank<VkPhysicalDeviceVulkan13Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
  r.f12.pNext = &r.f13;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &r.f12, {}};
  vk.vkGetPhysicalDeviceFeatures2(device, &features);
  r.families = list_all<VkQueueFamilyProperties>([&](uint32_t* count, VkQueueFamilyProperties* families) {
    vk.vkGetPhysicalDeviceQueueFamilyProperties(device, count, families);
    return VK_SUCCESS;
  });
  vk.vkGetPhysicalDeviceMemoryProperties(device, &r.memory);
  r.p11.pNext = r.p12.pNext = r.p13.pNext = r.f12.pNext = nullptr;  // these move away
  return r;
}

std::string describe(const Report& r, PhysicalDevice& device) {
  const VkPhysicalDeviceProperties& p = r.properties;
  device.caps.backend = "vulkan";
  device.caps.rows_apart = true;
  device.caps.name = p.deviceName;
  if (p.apiVersion < VK_API_VERSION_1_3)
    return fmt::format("its driver offers Vulkan {}.{}, 1.3 is needed; update it",
                       VK_API_VERSION_MAJOR(p.apiVersion), VK_API_VERSION_MINOR(p.apiVersion));
  device.caps.driver = fmt::format("{} {}", r.p12.driverName, r.p12.driverInfo);
  device.caps.software = p.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  if (const char* missing = missing_feature(r)) return fmt::format("its driver lacks {}; update it", missing);
  const std::optional<Subgroups> subgroups =
      choose_subgroups(r.p11.subgroupSize, r.p13.minSubgroupSize, r.p13.maxSubgroupSize,
                       r.p13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT);
  if (!subgroups)
    return fmt::format("its subgroups of {} are none of 4, 8, 16, 32, 64 or 128", r.p11.subgroupSize);
  const std::optional<Queues> queues = choose_queues(r.families);
  if (!queues) return "it has no compute queue";

  device.queue_family = queues->family;
  device.copy_family = queues->copy_family;
  device.copy_queue = queues->copy_queue;
  device.timestamp_mask = low_bits(r.families[queues->family].timestampValidBits);
  device.timestamp_period = p.limits.timestampPeriod;
  device.subgroup_size = subgroups->size;
  device.choose_subgroup_size = subgroups->choose;
  device.max_workgroup =
      std::min(p.limits.maxComputeWorkGroupInvocations, p.limits.maxComputeWorkGroupSize[0]);
  if (subgroups->choose)  // which also limits the subgroups of a workgroup
    device.max_workgroup = static_cast<uint32_t>(std::min<uint64_t>(
        device.max_workgroup, uint64_t{subgroups->size} * r.p13.maxComputeWorkgroupSubgroups));
  device.max_shared = p.limits.maxComputeSharedMemorySize;
  device.max_groups = std::min(p.limits.maxComputeWorkGroupCount[0], p.limits.maxComputeWorkGroupCount[1]);
  // Some drivers refuse more than 2 GiB, others answer wrongly past 4; every one gives 1 GiB.
  device.max_allocation =
      std::min({r.p11.maxMemoryAllocationSize, r.p13.maxBufferSize, VkDeviceSize{1} << 30});
  device.caps.max_buffer_bytes = device.max_allocation;
  device.type = p.deviceType;
  device.integrated = p.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  device.memory = r.memory;
  device.caps.memory_bytes = usable_memory(r.memory, device.integrated);
  if (device.max_workgroup < least_workgroup || device.max_shared < least_shared)
    return fmt::format("its workgroups have at most {} threads and {} bytes, {} and {} are needed",
                       device.max_workgroup, device.max_shared, least_workgroup, least_shared);

  device.tells_free_memory = r.has(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  device.portability_subset = r.has("VK_KHR_portability_subset");
  device.offers_matrix_units =
      r.has("VK_KHR_cooperative_matrix") && r.f12.shaderFloat16 && r.f12.vulkanMemoryModel;
  device.may_preserve_subnormals =
      r.p12.shaderDenormPreserveFloat16 &&  // and need not be asked for all widths
      r.p12.denormBehaviorIndependence != VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE;
  device.vendor = p.vendorID;
  device.product = p.deviceID;
  device.driver = r.p12.driverID;
  device.driver_version = p.driverVersion;
  std::memcpy(device.device_uuid, r.p11.deviceUUID, VK_UUID_SIZE);
  std::memcpy(device.driver_uuid, r.p11.driverUUID, VK_UUID_SIZE);
  std::memcpy(device.cache_uuid, p.pipelineCacheUUID, VK_UUID_SIZE);
  device.pci = r.pci;
  device.caps.features.push_back(fmt::format("subgroups of {}", device.subgroup_size));
  // Kernels on matrix units make use of the first, none of the second yet.
  if (r.f12.shaderFloat16) device.caps.features.emplace_back("offers fp16 arithmetic");
  if (r.p13.integerDotProduct4x8BitPackedSignedAccelerated)
    device.caps.features.emplace_back("offers integer dot");
  if (device.caps.memory_bytes == 0) return "its driver reports no memory";
  if (device.max_allocation < least_allocation)
    return fmt::format("it allocates at most {} MiB at once, {} are needed", device.max_allocation / mebibyte,
                       least_allocation / mebibyte);
  return {};
}

std::optional<Queues> choose_queues(const std::vector<VkQueueFamilyProperties>& families) {
  // A family without graphics is not slowed by the desktop.
  auto family = std::find_if(families.begin(), families.end(), [](const VkQueueFamilyProperties& f) {
    return computes(f) && !(f.queueFlags & VK_QUEUE_GRAPHICS_BIT) && f.timestampValidBits > 0;
  });
  if (family == families.end()) family = std::find_if(families.begin(), families.end(), computes);
  if (family == families.end()) return std::nullopt;
  Queues queues{};
  queues.family = queues.copy_family = static_cast<uint32_t>(family - families.begin());
  queues.copy_queue = family->queueCount > 1 ? 1 : 0;
  // A family that does nothing else (no video either) is the card's copy engine; else a second queue beside
  // the first may do.
  constexpr VkQueueFlags harmless = VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT;
  for (uint32_t i = 0; i < families.size(); ++i)
    if (families[i].queueCount > 0 && (families[i].queueFlags & ~harmless) == VK_QUEUE_TRANSFER_BIT) {
      queues.copy_family = i;
      queues.copy_queue = 0;
      break;
    }
  return queues;
}

std::optional<Subgroups> choose_subgroups(uint32_t usual, uint32_t least, uint32_t most, bool may_choose) {
  Subgroups s{least != 0 && least == most ? least : usual, false};
  if (may_choose && least < most) s = {std::clamp(usual <= 32 ? 32u : 64u, least, most), true};
  if (!std::has_single_bit(s.size) || s.size < 4 || s.size > 128) return std::nullopt;
  return s;
}

uint64_t usable_memory(const VkPhysicalDeviceMemoryProperties& memory, bool integrated) {
  return sum_heaps(memory, integrated, [&](uint32_t i) { return memory.memoryHeaps[i].size; });
}

uint64_t free_memory(const InstanceFunctions& vk, const PhysicalDevice& device) {
  if (!device.tells_free_memory) return 0;
  auto budget = blank<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  VkPhysicalDeviceMemoryProperties2 memory{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, &budget, {}};
  vk.vkGetPhysicalDeviceMemoryProperties2(device.handle, &memory);
  const uint64_t free = sum_heaps(memory.memoryProperties, device.integrated, [&](uint32_t i) {
    return budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]);
  });
  return std::min(free, device.caps.memory_bytes);
}

std::vector<uint32_t> memory_types(const VkPhysicalDeviceMemoryProperties& memory, uint32_t allowed,
                                   VkMemoryPropertyFlags needed, VkMemoryPropertyFlags wanted,
                                   bool integrated) {
  // Protected, lazily allocated, and AMD's uncached memory.
  constexpr VkMemoryPropertyFlags never = 0x20 | 0x10 | 0x40 | 0x80;
  std::vector<uint32_t> list;
  uint32_t heaps = 0;  // that have a type in the list
  for (const VkMemoryPropertyFlags flags :
       {needed | wanted, needed | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, needed})
    for (uint32_t i = 0; i < std::min<uint32_t>(memory.memoryTypeCount, VK_MAX_MEMORY_TYPES); ++i) {
      const VkMemoryType& type = memory.memoryTypes[i];
      if (!(allowed >> i & 1) || (type.propertyFlags & flags) != flags || (type.propertyFlags & never) ||
          type.heapIndex >= std::min<uint32_t>(memory.memoryHeapCount, VK_MAX_MEMORY_HEAPS) ||
          (heaps >> type.heapIndex & 1))
        continue;
      list.push_back(i);
      if (!integrated) return list;
      heaps |= 1u << type.heapIndex;
    }
  return list;
}

void arrange(std::vector<PhysicalDevice>& devices) {
  for (size_t i = 0; i < devices.size(); ++i)
    for (size_t j = i + 1; j < devices.size();)
      if (same_card(devices[i], devices[j])) {
        if (rank(devices[j].driver) < rank(devices[i].driver)) std::swap(devices[i], devices[j]);
        devices.erase(devices.begin() + static_cast<std::ptrdiff_t>(j));
      } else {
        ++j;
      }
  std::stable_sort(devices.begin(), devices.end(), [](const PhysicalDevice& a, const PhysicalDevice& b) {
    return rank(a.type) < rank(b.type);
  });
}

}  // namespace fulmar::vulkan
