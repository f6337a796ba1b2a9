// Finding the Vulkan loader and its functions; see functions.h.
#include "vulkan/functions.h"

#include <utility>

#include "base/fail.h"

namespace fulmar::vulkan {
namespace {

#ifdef _WIN32
constexpr const char* loader_names[] = {"vulkan-1.dll"};
#elif defined(__APPLE__)
constexpr const char* loader_names[] = {"libvulkan.1.dylib", "libMoltenVK.dylib"};
#else
constexpr const char* loader_names[] = {"libvulkan.so.1", "libvulkan.so"};
#endif

}  // namespace

std::optional<Loader> open_loader(std::string& why_none) {
  std::string why;
  std::optional<DynamicLibrary> library = DynamicLibrary::open(loader_names, why);
  if (!library) {
    why_none = fmt::format(
        "no Vulkan loader library ({}); install a graphics driver or the package libvulkan1", why);
    return std::nullopt;
  }
  std::optional<Loader> loader(Loader{std::move(*library)});
  loader->vkGetInstanceProcAddr =
      loader->library.function<PFN_vkGetInstanceProcAddr>("vkGetInstanceProcAddr");
  if (loader->vkGetInstanceProcAddr) {
#define X(name) \
  loader->name = reinterpret_cast<PFN_##name>(loader->vkGetInstanceProcAddr(VK_NULL_HANDLE, #name));
    FULMAR_VK_GLOBAL(X)
#undef X
  }
  uint32_t version = VK_API_VERSION_1_0;
  if (loader->vkEnumerateInstanceVersion) loader->vkEnumerateInstanceVersion(&version);
  // A loader of 1.1 hands on what newer devices have; which version a device has is asked of the device.
  if (!loader->vkCreateInstance || version < VK_API_VERSION_1_1) {
    why_none =
        fmt::format("the Vulkan loader {} is older than Vulkan 1.1; update it", loader->library.name());
    return std::nullopt;
  }
  return loader;
}

void InstanceFunctions::load(const Loader& loader, VkInstance instance) {
#define X(name)                                                                       \
  name = reinterpret_cast<PFN_##name>(loader.vkGetInstanceProcAddr(instance, #name)); \
  if (!name) fail(ErrorKind::unsupported, "the Vulkan loader lacks {}; update it", #name);
  FULMAR_VK_INSTANCE(X)
#undef X
#if FULMAR_COOPERATIVE_MATRIX
  vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR =
      reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR>(
          loader.vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
#endif
}

void DeviceFunctions::load(const InstanceFunctions& instance, VkDevice device) {
#define X(name)                                                                     \
  name = reinterpret_cast<PFN_##name>(instance.vkGetDeviceProcAddr(device, #name)); \
  if (!name) fail(ErrorKind::unsupported, "the Vulkan driver lacks {}; update it", #name);
  FULMAR_VK_DEVICE(X)
#undef X
}

void check(VkResult result, const char* what) {
  if (result == VK_SUCCESS) return;
  if (result == VK_ERROR_DEVICE_LOST)
    fail(ErrorKind::device_lost, "the GPU was reset by its driver (while {})", what);
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
    fail(ErrorKind::out_of_memory, "Vulkan ran out of {} memory while {}",
         result == VK_ERROR_OUT_OF_HOST_MEMORY ? "host" : "device", what);
  fail(ErrorKind::internal, "Vulkan failed with code {} while {}", static_cast<int>(result), what);
}

}  // namespace fulmar::vulkan
