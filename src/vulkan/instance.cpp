// Opening Vulkan and listing its devices; see instance.h.
#include "vulkan/instance.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/fail.h"
#include "vulkan/backend.h"

namespace fulmar::vulkan {
namespace {

constexpr const char* validation_layer = "VK_LAYER_KHRONOS_validation";
constexpr const char* portability = "VK_KHR_portability_enumeration";
constexpr VkInstanceCreateFlags enumerate_portability = 1;
std::atomic<uint64_t> message_count = 0;

VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                          VkDebugUtilsMessageTypeFlagsEXT,
                                          const VkDebugUtilsMessengerCallbackDataEXT* data, void*) {
  if (!concerns_us(data->pMessage)) return VK_FALSE;
  ++message_count;
  fmt::print(stderr, "vulkan validation: {}\n", data->pMessage);
  return VK_FALSE;
}

bool validation_wanted() {
  const char* value = std::getenv("FULMAR_VALIDATION");
  return value && std::strcmp(value, "1") == 0;
}

bool has_layer(const Loader& loader, const char* wanted) {
  const auto layers = list_all<VkLayerProperties>([&](uint32_t* count, VkLayerProperties* list) {
    return loader.vkEnumerateInstanceLayerProperties(count, list);
  });
  return std::any_of(layers.begin(), layers.end(), [&](const VkLayerProperties& layer) {
    return std::strcmp(layer.layerName, wanted) == 0;
  });
}

bool has_extension(const Loader& loader, const char* wanted) {
  const auto extensions = list_all<VkExtensionProperties>([&](uint32_t* count, VkExtensionProperties* list) {
    return loader.vkEnumerateInstanceExtensionProperties(nullptr, count, list);
  });
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& extension) {
    return std::strcmp(extension.extensionName, wanted) == 0;
  });
}

Loader find_loader() {
  std::string why;
  std::optional<Loader> loader = open_loader(why);
  if (!loader) fail(ErrorKind::unsupported, "{}", why);
  return std::move(*loader);
}

}  // namespace

bool concerns_us(std::string_view message) {
  constexpr std::string_view before = "pName is trying to grab ";
  const size_t at = message.find(before);
  if (at == message.npos) return true;
  std::string_view name = message.substr(at + before.size());
  name = name.substr(0, name.find(' '));
#define X(function) \
  if (name == #function) return true;
  FULMAR_VK_GLOBAL(X)
  FULMAR_VK_INSTANCE(X)
  FULMAR_VK_DEVICE(X)
#undef X
  return false;
}

uint64_t validation_messages() {
  return message_count;
}

const Instance* Instance::start(std::string& why_none) {
  static std::string why;
  static const Instance* const instance = []() -> const Instance* {
    try {
      return new Instance;
    } catch (const std::exception& error) {
      why = error.what();
      return nullptr;
    }
  }();
  if (!instance) why_none = why;
  return instance;
}

const Instance* Instance::open(std::string& why_none) {
  const Instance* instance = start(why_none);
  if (!instance || !instance->devices_.empty()) return instance;
  why_none = instance->passed_over_because();
  if (why_none.empty())
    why_none =
        "the Vulkan drivers that are installed find no device; is the graphics card's driver among them, and "
        "may this user open the card (on Linux: is in the groups render and video)?";
  return nullptr;
}

std::string Instance::passed_over_because() const {
  std::string all;
  for (const PassedOver& one : passed_over_)
    all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", one.device.caps.name, one.lacks);
  return all;
}

Instance::Instance() : loader_(find_loader()) {
  const bool validate = validation_wanted();
  if (validate && !has_layer(loader_, validation_layer))
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
  std::vector<const char*> extensions;
  auto info = blank<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  if (has_extension(loader_, portability)) {  // else MoltenVK, and with it every Mac, stays hidden
    extensions.push_back(portability);
    info.flags = enumerate_portability;
  }
  if (validate) {
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    info.pNext = &messenger;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &validation_layer;
  }
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  const VkResult result = loader_.vkCreateInstance(&info, nullptr, &handle_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) fail(ErrorKind::unsupported, "no Vulkan driver is installed");
  check(result, "starting Vulkan");
  vk_.load(loader_, handle_);
  if (validate) {
    messenger.pNext = nullptr;
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        loader_.vkGetInstanceProcAddr(handle_, "vkCreateDebugUtilsMessengerEXT"));
    VkDebugUtilsMessengerEXT handle;
    check(create(handle_, &messenger, nullptr, &handle), "creating the debug messenger");
  }
  find_devices();
}

void Instance::find_devices() {
  const auto handles = list_all<VkPhysicalDevice>([&](uint32_t* count, VkPhysicalDevice* list) {
    return vk_.vkEnumeratePhysicalDevices(handle_, count, list);
  });
  for (const VkPhysicalDevice handle : handles) {
    PhysicalDevice device;
    device.handle = handle;
    std::string lacks = describe(ask(vk_, handle), device);
    if (lacks.empty())
      devices_.push_back(std::move(device));
    else
      passed_over_.push_back({std::move(device), std::move(lacks)});
  }
  arrange(devices_);
}

}  // namespace fulmar::vulkan
