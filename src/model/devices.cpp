// Listing and opening devices; see devices.h.
#include "model/devices.h"

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

std::vector<ListedDevice> list_devices() {
  std::vector<ListedDevice> list;
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

std::string passed_over_devices() {
#if FULMAR_HAS_VULKAN
  return vulkan::passed_over();
#else
  return {};
#endif
}

std::string device_word(const StrategyPart& part) {
  return part.device == "cpu" ? part.device : fmt::format("{}:{}", part.device, part.index);
}

StrategyPart first_device(const Strategy& strategy) {
  if (!strategy.parts.empty()) return strategy.parts[0];
  std::string why;
  const std::vector<ops::Caps> found = vulkan_devices(why);
  StrategyPart part;
  part.device = found.empty() || found[0].software ? "cpu" : "vulkan";
  return part;
}

OpenedDevice open_device(const StrategyPart& part, uint32_t threads, [[maybe_unused]] bool matrix_units) {
  if (part.device == "cpu") {
    if (part.index > 0)
      fail(ErrorKind::unsupported, "there is one cpu, cpu:{} does not exist; use 'cpu'", part.index);
    return {cpu::make_backend(threads), "cpu"};
  }
  std::string why;
  const std::vector<ops::Caps> found = vulkan_devices(why);
  if (part.device == "cuda")
    fail(ErrorKind::unsupported,
         "{}: this program was built without CUDA; use '{}' ('fulmar devices' lists what is here)",
         device_word(part), found.empty() || found[0].software ? "cpu" : "vulkan");
  if (found.empty()) fail(ErrorKind::unsupported, "no {} device: {}; use 'cpu'", part.device, why);
  if (part.index >= found.size())
    fail(ErrorKind::unsupported, "{} does not exist; this machine has {} ('fulmar devices' lists them)",
         device_word(part), found.size());
#if FULMAR_HAS_VULKAN
  const auto units = matrix_units ? vulkan::MatrixUnits::on_hardware : vulkan::MatrixUnits::never;
  return {vulkan::make_backend(part.index, units), device_word(part)};
#else
  return {};
#endif
}

std::vector<ListedDevice> check_devices([[maybe_unused]] double seconds) {
  std::vector<ListedDevice> list = list_devices();
#if FULMAR_HAS_VULKAN
  for (uint32_t i = 0; i < list.size(); ++i)
    if (list[i].caps.backend == "vulkan") list[i].caps.matrix_units = vulkan::check_matrix_units(i, seconds);
#endif
  return list;
}

std::string try_matrix_units_here([[maybe_unused]] const std::string& device_key) {
#if FULMAR_HAS_VULKAN
  return vulkan::try_matrix_units_here(device_key);
#else
  fail(ErrorKind::unsupported, "this program was built without Vulkan");
#endif
}

}  // namespace fulmar
