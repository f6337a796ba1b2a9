// Opening Vulkan and choosing among devices; see instance.h.
#include "vulkan/instance.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/fail.h"
#include "vulkan/backend.h"
#include "vulkan/matrix_units.h"

namespace fulmar::vulkan {
namespace {

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";
std::atomic<uint64_t> message_count = 0;

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  ++message_count;
  fmt::print(stderr, "vulkan validation: {}\n", data->pMessage);
  return VK_FALSE;
}

bool validation_wanted() {
  const char* value = std::getenv("FULMAR_VALIDATION");
  return value && std::strcmp(value, "1") == 0;
}

bool has_layer(const Loader& loader, const char* wanted) {
  uint32_t count = 0;
  loader.vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  loader.vkEnumerateInstanceLayerProperties(&count, layers.data());
  return std::any_of(layers.begin(), layers.end(), [&](const VkLayerProperties& layer) {
    return std::strcmp(layer.layerName, wanted) == 0;
  });
}

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

// What the device offers for optional paths; none of them is in use yet.
void list_features(const VkPhysicalDeviceVulkan12Features& v12, const VkPhysicalDeviceVulkan13Properties& p13,
                   std::vector<std::string>& out) {
  if (v12.shaderFloat16) out.push_back("offers fp16 arithmetic");
  if (p13.integerDotProduct4x8BitPackedSignedAccelerated) out.push_back("offers integer dot");
}

// A family that does nothing else is the card's copy engine; else a second queue beside the first may do.
void choose_copy_queue(const std::vector<VkQueueFamilyProperties>& families, PhysicalDevice& device) {
  constexpr VkQueueFlags others = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_GRAPHICS_BIT;
  device.copy_family = device.queue_family;
  device.copy_queue = families[device.queue_family].queueCount > 1 ? 1 : 0;
  for (uint32_t i = 0; i < families.size(); ++i)
    if ((families[i].queueFlags & (VK_QUEUE_TRANSFER_BIT | others)) == VK_QUEUE_TRANSFER_BIT) {
      device.copy_family = i;
      device.copy_queue = 0;
      return;
    }
}

// Device memory that is free now, where the driver tells; else 0.
uint64_t free_memory(const InstanceFunctions& vk, VkPhysicalDevice device) {
  uint32_t count = 0;
  vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  if (std::none_of(extensions.begin(), extensions.end(), [](const VkExtensionProperties& extension) {
        return std::strcmp(extension.extensionName, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0;
      }))
    return 0;
  auto budget = blank<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
  VkPhysicalDeviceMemoryProperties2 memory{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, &budget, {}};
  vk.vkGetPhysicalDeviceMemoryProperties2(device, &memory);
  uint64_t free = 0;
  for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; ++i)
    if (memory.memoryProperties.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      free = std::max(free, budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]));
  return free;
}

// Empty when usable, else what it lacks.
std::string describe(const InstanceFunctions& vk, VkPhysicalDevice handle, PhysicalDevice& device) {
  auto p13 =
      blank<VkPhysicalDeviceVulkan13Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES);
  auto p12 =
      blank<VkPhysicalDeviceVulkan12Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
  auto p11 =
      blank<VkPhysicalDeviceVulkan11Properties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
  p11.pNext = &p12;
  p12.pNext = &p13;
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &p11, {}};
  vk.vkGetPhysicalDeviceProperties2(handle, &properties);
  const VkPhysicalDeviceProperties& p = properties.properties;
  device.handle = handle;
  device.caps.backend = "vulkan";
  device.caps.name = p.deviceName;
  if (p.apiVersion < VK_API_VERSION_1_3) return "it has no Vulkan 1.3";
  device.caps.driver = fmt::format("{} {}", p12.driverName, p12.driverInfo);
  device.caps.software = p.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;

  auto f13 = blank<VkPhysicalDeviceVulkan13Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
  auto f12 = blank<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  f12.pNext = &f13;
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &f12, {}};
  vk.vkGetPhysicalDeviceFeatures2(handle, &features);
  if (!f12.bufferDeviceAddress) return "it has no buffer device addresses";
  constexpr VkSubgroupFeatureFlags needed =
      VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT | VK_SUBGROUP_FEATURE_QUAD_BIT;
  if ((p11.subgroupSupportedOperations & needed) != needed ||
      !(p11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
    return "it lacks subgroup operations";
  if (p13.minSubgroupSize != p13.maxSubgroupSize &&
      !(p13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT))
    return "its subgroup size cannot be chosen";

  uint32_t count = 0;
  vk.vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, families.data());
  const auto computes = [](const VkQueueFamilyProperties& f) {
    return (f.queueFlags & VK_QUEUE_COMPUTE_BIT) != 0;
  };
  // A family without graphics is not slowed by the desktop.
  auto family = std::find_if(families.begin(), families.end(), [&](const VkQueueFamilyProperties& f) {
    return computes(f) && !(f.queueFlags & VK_QUEUE_GRAPHICS_BIT) && f.timestampValidBits == 64;
  });
  if (family == families.end()) family = std::find_if(families.begin(), families.end(), computes);
  if (family == families.end()) return "it has no compute queue";

  device.queue_family = static_cast<uint32_t>(family - families.begin());
  choose_copy_queue(families, device);
  device.timestamps = family->timestampValidBits == 64;
  device.timestamp_period = p.limits.timestampPeriod;
  device.subgroup_size = p11.subgroupSize;
  device.choose_subgroup_size = p13.minSubgroupSize != p13.maxSubgroupSize;
  device.max_allocation = std::min(p11.maxMemoryAllocationSize, p13.maxBufferSize);
  device.max_workgroup = p.limits.maxComputeWorkGroupInvocations;
  if (device.choose_subgroup_size)  // a chosen size also limits the subgroups of a workgroup
    device.max_workgroup =
        std::min(device.max_workgroup, device.subgroup_size * p13.maxComputeWorkgroupSubgroups);
  device.type = p.deviceType;
  std::memcpy(device.driver_uuid, p11.driverUUID, VK_UUID_SIZE);
  std::memcpy(device.cache_uuid, p.pipelineCacheUUID, VK_UUID_SIZE);
  vk.vkGetPhysicalDeviceMemoryProperties(handle, &device.memory);
  for (uint32_t i = 0; i < device.memory.memoryHeapCount; ++i)
    if (device.memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      device.caps.memory_bytes = std::max(device.caps.memory_bytes, device.memory.memoryHeaps[i].size);
  device.caps.free_bytes = std::min(free_memory(vk, handle), device.caps.memory_bytes);
  device.caps.features.push_back(fmt::format("subgroups of {}", device.subgroup_size));
  list_features(f12, p13, device.caps.features);
  device.matrix_tile = find_matrix_tile(vk, device);
  return {};
}

}  // namespace

uint64_t validation_messages() {
  return message_count;
}

std::shared_ptr<const Instance> Instance::open(std::string& why_none) {
  std::shared_ptr<const Loader> loader = open_loader(why_none);
  if (!loader) return nullptr;
  std::shared_ptr<Instance> instance(new Instance);
  instance->loader_ = loader;

  const bool validate = validation_wanted();
  if (validate && !has_layer(*loader, validation_layer))
    fail(ErrorKind::unsupported, "FULMAR_VALIDATION=1 needs {}; install vulkan-validationlayers",
         validation_layer);
  VkApplicationInfo application{
      VK_STRUCTURE_TYPE_APPLICATION_INFO, nullptr, "fulmar", 1, "fulmar", 1, VK_API_VERSION_1_3};
  const VkValidationFeatureEnableEXT enabled[] = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  VkValidationFeaturesEXT validation{
      VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT, nullptr, 1, enabled, 0, nullptr};
  auto messenger =
      blank<VkDebugUtilsMessengerCreateInfoEXT>(VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
  messenger.pNext = &validation;
  messenger.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  messenger.pfnUserCallback = on_message;
  const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
  auto info = blank<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  if (validate) {
    info.pNext = &messenger;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &validation_layer;
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = extensions;
  }
  const VkResult result = loader->vkCreateInstance(&info, nullptr, &instance->handle_);
  if (result != VK_SUCCESS) {
    why_none = result == VK_ERROR_INCOMPATIBLE_DRIVER
                   ? "no Vulkan driver is installed"
                   : fmt::format("vkCreateInstance failed with code {}", static_cast<int>(result));
    return nullptr;
  }
  instance->vk_.load(*loader, instance->handle_);
  if (validate) {
    messenger.pNext = nullptr;
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        loader->vkGetInstanceProcAddr(instance->handle_, "vkCreateDebugUtilsMessengerEXT"));
    check(create(instance->handle_, &messenger, nullptr, &instance->messenger_),
          "creating the debug messenger");
  }
  instance->find_devices(why_none);
  return instance->devices_.empty() ? nullptr : instance;
}

Instance::~Instance() {
  if (!handle_) return;
  const auto get = loader_->vkGetInstanceProcAddr;
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        get(handle_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(handle_, messenger_, nullptr);
  }
  const auto destroy = reinterpret_cast<PFN_vkDestroyInstance>(get(handle_, "vkDestroyInstance"));
  destroy(handle_, nullptr);
}

void Instance::find_devices(std::string& why_none) {
  uint32_t count = 0;
  vk_.vkEnumeratePhysicalDevices(handle_, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  if (count) vk_.vkEnumeratePhysicalDevices(handle_, &count, handles.data());
  if (handles.empty()) why_none = "no Vulkan driver is installed";
  for (const VkPhysicalDevice handle : handles) {
    PhysicalDevice device;
    const std::string lacks = describe(vk_, handle, device);
    if (lacks.empty())
      devices_.push_back(std::move(device));
    else
      why_none += fmt::format("{}{}: {}", why_none.empty() ? "" : "; ", device.caps.name, lacks);
  }
  std::stable_sort(devices_.begin(), devices_.end(), [](const PhysicalDevice& a, const PhysicalDevice& b) {
    return rank(a.type) < rank(b.type);
  });
}

}  // namespace fulmar::vulkan
