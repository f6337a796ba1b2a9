// Which drivers' matrix units are tried, and the try; see matrix_units.h.
#include "vulkan/matrix_units.h"

#include <cstdlib>
#include <cstring>

#include "base/child_process.h"
#include "base/fail.h"
#include "base/log.h"

namespace fulmar::vulkan {
namespace {

constexpr uint32_t amd = 0x1002, intel = 0x8086;
// After so many tries that never came to an end the machine may be what ends with them.
constexpr uint32_t unfinished_tries_allowed = 2;

bool between(uint32_t value, uint32_t first, uint32_t last) {
  return first <= value && value <= last;
}

// Radeons of the generations RDNA 3 and 4 and what comes after them; before, the driver imitates the units.
bool is_rdna3_or_newer(uint32_t product) {
  return between(product, 0x7440, 0x749f) || between(product, 0x7500, 0x7fff);
}

// Lunar Lake, Battlemage, Panther Lake. Before, they are slower than the plain kernel.
bool is_xe2_or_newer(uint32_t product) {
  const uint32_t family = product >> 8;
  return family == 0x64 || family == 0xe2 || between(family, 0xb0, 0xb1) || family == 0xfd;
}

// What is wrong with the units where the process that tried them gave no verdict; empty where that may pass.
std::string fault(const ChildEnd& end, double seconds) {
  if (end.output.starts_with(later)) return {};
  switch (end.how) {
    case ChildEnd::How::crashed:
      return "the driver crashed when they were tried";
    case ChildEnd::How::timed_out:
      return fmt::format("a small try did not end within {:g} s", seconds);
    case ChildEnd::How::exited:
      return fmt::format("the driver ended the process that tried them (exit code {})", end.code);
    default:
      return {};
  }
}

std::string passing_trouble(const ChildEnd& end) {
  if (end.output.starts_with(later)) return end.output.substr(later.size());
  if (end.how == ChildEnd::How::not_started)
    return "the process to try them in could not be started: " + end.why;
  return "the process that tried them was ended from outside";
}

}  // namespace

std::string last_line(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text.substr(text.find_last_of("\r\n") + 1));
}

std::string why_not_tried(const PhysicalDevice& device) {
  const char* off = std::getenv("FULMAR_NO_MATRIX_UNITS");
  if (off && *off && std::strcmp(off, "0") != 0) return "FULMAR_NO_MATRIX_UNITS is set";
#if !FULMAR_COOPERATIVE_MATRIX
  return "this build has no kernels for them: its glslang or Vulkan headers were too old";
#endif
  // Software imitates them at a fraction of the plain kernel's speed.
  if (device.caps.software) return "the device is software";
  if (!device.offers_matrix_units) return "the driver offers none";
  if (device.driver == VK_DRIVER_ID_AMD_PROPRIETARY || device.driver == VK_DRIVER_ID_AMD_OPEN_SOURCE) {
    // The question alone crashes amdvlk64.dll on a Radeon 860M (AMDVLK #422).
    if (device.integrated) return "this driver crashes on integrated GPUs when it is asked for them";
    if (device.vendor == amd && !is_rdna3_or_newer(device.product))
      return "the GPU is older than RDNA 3, where the driver only imitates them";
  }
  if (device.vendor == intel && !is_xe2_or_newer(device.product))
    return "the GPU is older than Xe2, where they are slower than plain arithmetic";
  return {};
}

#if FULMAR_COOPERATIVE_MATRIX
std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions& vk, const PhysicalDevice& device) {
  const auto get = vk.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR;
  if (!get || !device.offers_matrix_units) return std::nullopt;
  auto offered = blank<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &offered, {}};
  vk.vkGetPhysicalDeviceFeatures2(device.handle, &features);
  auto stages = blank<VkPhysicalDeviceCooperativeMatrixPropertiesKHR>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR);
  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, &stages, {}};
  vk.vkGetPhysicalDeviceProperties2(device.handle, &properties);
  if (!offered.cooperativeMatrix ||
      !(stages.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) ||
      properties.properties.limits.maxComputeSharedMemorySize < 32768)
    return std::nullopt;

  std::optional<MatrixTile> found;
  for (const VkCooperativeMatrixPropertiesKHR& p : list_all(
           [&](uint32_t* count, VkCooperativeMatrixPropertiesKHR* list) {
             return get(device.handle, count, list);
           },
           blank<VkCooperativeMatrixPropertiesKHR>(VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR))) {
    const bool half = p.AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p.BType == VK_COMPONENT_TYPE_FLOAT16_KHR;
    const bool sums =
        p.CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p.ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR;
    if (!half || !sums || p.saturatingAccumulation || p.scope != VK_SCOPE_SUBGROUP_KHR) continue;
    const MatrixTile tile{p.MSize, p.NSize, p.KSize};
    const auto fits = [](uint32_t size) { return size == 8 || size == 16; };
    if (tile == MatrixTile{16, 16, 16}) return tile;
    // Where subgroups come in several sizes, other products belong to one of them, and nothing says to which.
    if (!found && !device.choose_subgroup_size && fits(tile.m) && fits(tile.n) && fits(tile.k)) found = tile;
  }
  return found;
}
#else
std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions&, const PhysicalDevice&) {
  return std::nullopt;
}
#endif

std::optional<Verdict> known_verdict(const PhysicalDevice& device) {
  if (std::string why = why_not_tried(device); !why.empty()) return Verdict{std::nullopt, std::move(why)};
  const Findings found = read_findings(device);
  if (found.units || found.unfinished_tries < unfinished_tries_allowed) return found.units;
  return Verdict{std::nullopt,
                 "the last times they were tried, neither the try nor its parent came to an end"};
}

Verdict try_matrix_units(const PhysicalDevice& device, double seconds) {
  if (std::string why = why_not_tried(device); !why.empty()) return {std::nullopt, std::move(why)};
  if (helper_command().program.empty())
    return {std::nullopt, "this program has no second process to try them in"};
  std::vector<std::string> words = helper_command().words;
  words.push_back(findings_key(device));
  words.push_back(fmt::format("{:g}", seconds));
  Findings found = read_findings(device);
  ++found.unfinished_tries;
  write_findings(device, found);

  ChildEnd end = run_child(helper_command().program, words, seconds);
  end.output = last_line(end.output);  // drivers have been seen to talk before
  std::optional<Verdict> verdict = verdict_from(end.output);
  const std::string why = verdict ? verdict->why_not : fault(end, seconds);
  if (!verdict && !why.empty()) verdict = Verdict{std::nullopt, why};
  found = read_findings(device);  // others may have added to it
  found.unfinished_tries = 0;
  if (verdict) found.units = verdict;
  write_findings(device, found);
  if (!verdict) verdict = Verdict{std::nullopt, passing_trouble(end)};
  if (!verdict->tile && why != no_usable_size)
    log_warning("{}: matrix units stay off: {} ('fulmar devices --check' tries again)", device.caps.name,
                verdict->why_not);
  return *verdict;
}

std::string units_line(const std::optional<Verdict>& verdict) {
  if (!verdict) return "not tried yet; the first start of a model does, and 'fulmar devices --check'";
  const auto& tile = verdict->tile;
  return tile ? fmt::format("on, in products of {}x{}x{}", tile->m, tile->n, tile->k)
              : "off: " + verdict->why_not;
}

}  // namespace fulmar::vulkan
