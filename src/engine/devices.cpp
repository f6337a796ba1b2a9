// Listing and opening devices; see devices.h.
#include "engine/devices.h"

#include "base/fail.h"
#include "cpu/backend.h"
#if FULMAR_HAS_VULKAN
#include "vulkan/backend.h"
#endif

namespace fulmar {
namespace {

std::vector<ops::Caps> vulkan_devices(std::string& why_none) {
#if FULMAR_HAS_VULKAN
  return vulkan::enumerate(why_none);
#else
  why_none = "this program was built without Vulkan";
  return {};
#endif
}

}  // namespace

std::vector<Device> list_devices() {
  std::vector<Device> list;
  std::string why;
  for (ops::Caps& caps : vulkan_devices(why))
    list.push_back({fmt::format("vulkan:{}", list.size()), std::move(caps)});
  list.push_back({"cpu", cpu::describe()});
  return list;
}

std::string why_no_vulkan() {
  std::string why;
  return vulkan_devices(why).empty() ? why : std::string();
}

OpenedDevice open_device(const Strategy& strategy, uint32_t threads) {
  if (strategy.device == "cpu") {
    if (strategy.index > 0)
      fail(ErrorKind::unsupported, "there is one cpu, cpu:{} does not exist", strategy.index);
    return {cpu::make_backend(threads), "cpu"};
  }
  std::string why;
  const std::vector<ops::Caps> found = vulkan_devices(why);
  if (strategy.device.empty() && (found.empty() || found[0].software))
    return {cpu::make_backend(threads), "cpu"};
  if (found.empty()) fail(ErrorKind::unsupported, "no {} device: {}; use 'cpu'", strategy.device, why);
  if (strategy.index >= found.size())
    fail(ErrorKind::unsupported, "{}:{} does not exist; this machine has {} ('fulmar devices' lists them)",
         strategy.device, strategy.index, found.size());
#if FULMAR_HAS_VULKAN
  return {vulkan::make_backend(strategy.index), fmt::format("vulkan:{}", strategy.index)};
#else
  return {};
#endif
}

}  // namespace fulmar
