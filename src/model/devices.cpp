// Listing and opening devices; see devices.h.
#include "model/devices.h"

#include <algorithm>

#include "base/fail.h"
#include "cpu/backend.h"
#if FULMAR_HAS_VULKAN
#include "vulkan/backend.h"
#endif

namespace fulmar {
namespace {

// What a strategy calls devices of one kind, which there are, and how one is opened.
struct Kind {
  std::string_view word;
  bool numbered;  // "vulkan:0"; else there is one
  // By index, those that only imitate hardware last. Where the list is empty, `why_none` says why.
  std::vector<ops::Caps> (*list)(std::string& why_none);
  std::unique_ptr<ops::Backend> (*open)(uint32_t index, uint32_t threads, bool matrix_units);
  // Of a device whose matrix units are tried in a process of their own, what Caps says of them from now on.
  std::string (*check_matrix_units)(uint32_t index, double seconds) = nullptr;
  std::string (*passed_over)() = nullptr;
};

#if FULMAR_HAS_VULKAN
std::unique_ptr<ops::Backend> open_vulkan(uint32_t index, uint32_t, bool matrix_units) {
  return vulkan::make_backend(index,
                              matrix_units ? vulkan::MatrixUnits::on_hardware : vulkan::MatrixUnits::never);
}
constexpr Kind vulkan_kind{"vulkan",    true, vulkan::enumerate, open_vulkan, vulkan::check_matrix_units,
                           vulkan::passed_over};
#else
std::vector<ops::Caps> no_vulkan(std::string& why_none) {
  why_none = "this program was built without Vulkan";
  return {};
}
constexpr Kind vulkan_kind{"vulkan", true, no_vulkan, nullptr};
#endif

std::vector<ops::Caps> list_cpu(std::string&) {
  return {cpu::describe()};
}
std::unique_ptr<ops::Backend> open_cpu(uint32_t, uint32_t threads, bool) {
  return cpu::make_backend(threads);
}

// Best first; the CPU, which is always there, last.
constexpr Kind kinds[] = {vulkan_kind, {"cpu", false, list_cpu, open_cpu}};

const Kind* find_kind(std::string_view word) {
  for (const Kind& kind : kinds)
    if (kind.word == word) return &kind;
  return nullptr;
}

std::vector<ListedDevice> devices_of(const Kind& kind) {
  std::vector<ListedDevice> list;
  std::string why;
  for (ops::Caps& caps : kind.list(why)) {
    StrategyPart part;
    part.device = kind.word;
    part.index = static_cast<uint32_t>(list.size());
    list.push_back({device_word(part), std::move(caps)});
  }
  return list;
}

}  // namespace

std::vector<ListedDevice> list_devices() {
  std::vector<ListedDevice> list;
  for (const Kind& kind : kinds)
    for (ListedDevice& device : devices_of(kind)) list.push_back(std::move(device));
  return list;
}

std::string why_no_vulkan() {
  std::string why;
  return vulkan_kind.list(why).empty() ? why : std::string();
}

std::string passed_over_devices() {
  std::string all;
  for (const Kind& kind : kinds) {
    const std::string some = kind.passed_over ? kind.passed_over() : std::string();
    if (!all.empty() && !some.empty()) all += "; ";
    all += some;
  }
  return all;
}

std::string device_word(const StrategyPart& part) {
  const Kind* kind = find_kind(part.device);
  return kind && !kind->numbered ? part.device : fmt::format("{}:{}", part.device, part.index);
}

Strategy with_devices_here(Strategy strategy, std::string& said) {
  const auto is_missing = [](const StrategyPart& part) { return part.device == "cuda"; };
  std::string why_none;
  if (find_kind("cuda") || std::ranges::none_of(strategy.parts, is_missing) || vulkan_kind.list(why_none).empty())
    return strategy;
  for (StrategyPart& part : strategy.parts)
    if (is_missing(part)) part.device = vulkan_kind.word;
  said = fmt::format("strategy '{}': this program was built without CUDA; it runs through Vulkan, as '{}'", strategy.text,
                     to_string(strategy));
  return strategy;
}

StrategyPart first_device(const Strategy& strategy) {
  if (!strategy.parts.empty()) return strategy.parts[0];
  StrategyPart part = parse_strategy("cpu " + strategy.precision).parts[0];
  for (const Kind& kind : kinds) {
    std::string why;
    const std::vector<ops::Caps> found = kind.list(why);
    part.device = kind.word;
    if (!found.empty() && !found[0].software) break;
  }
  return part;
}

OpenedDevice open_device(const StrategyPart& part, uint32_t threads, bool matrix_units) {
  const Kind* kind = find_kind(part.device);
  if (!kind)
    fail(ErrorKind::unsupported,
         "{}: this program was built without CUDA; use '{}' ('fulmar devices' lists what is here)",
         device_word(part), first_device({}).device);
  if (!kind->numbered && part.index > 0)
    fail(ErrorKind::unsupported, "there is one {0}, {0}:{1} does not exist; use '{0}'", part.device,
         part.index);
  std::string why;
  const size_t found = kind->list(why).size();
  if (found == 0) fail(ErrorKind::unsupported, "no {} device: {}; use 'cpu'", part.device, why);
  if (part.index >= found)
    fail(ErrorKind::unsupported, "{} does not exist; this machine has {} ('fulmar devices' lists them)",
         device_word(part), found);
  return {kind->open(part.index, threads, matrix_units), device_word(part)};
}

std::vector<ListedDevice> check_devices(double seconds) {
  std::vector<ListedDevice> list;
  for (const Kind& kind : kinds) {
    uint32_t index = 0;
    for (ListedDevice& device : devices_of(kind)) {
      if (kind.check_matrix_units) device.caps.matrix_units = kind.check_matrix_units(index++, seconds);
      list.push_back(std::move(device));
    }
  }
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
