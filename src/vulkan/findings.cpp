// Keeping findings in a small file of lines; see findings.h.
#include "vulkan/findings.h"

#include <charconv>
#include <utility>

#include "base/fail.h"
#include "base/platform.h"
#include "fulmar_shaders.h"
#include "vulkan/cache_file.h"
#include "vulkan/linear_shape.h"

namespace fulmar::vulkan {
namespace {

constexpr std::pair<Subnormals, std::string_view> subnormal_words[] = {
    {Subnormals::kept, "kept"}, {Subnormals::kept_when_asked, "kept when asked"}, {Subnormals::lost, "lost"}};

// Reads a number, and a space behind it if there is one, off the front.
bool take(std::string_view& text, uint32_t& number) {
  const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(next - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

uint64_t hash_of_kernels() {
  static const uint64_t hash = [] {
    std::string all;
    for (const shaders::Shader& shader : shaders::all())
      all += fmt::format("{} {:x}\n", shader.name, checksum(std::as_bytes(shader.words)));
    return checksum(std::as_bytes(std::span(all)));
  }();
  return hash;
}

std::filesystem::path path_of(const PhysicalDevice& device) {
  const std::filesystem::path folder = cache_folder();
  return folder.empty() ? folder : folder / ("vulkan-found-" + findings_key(device) + ".txt");
}

}  // namespace

std::string to_text(const Verdict& verdict) {
  const auto& tile = verdict.tile;
  return tile ? fmt::format("on {} {} {}", tile->m, tile->n, tile->k) : "off " + verdict.why_not;
}

std::optional<Verdict> verdict_from(std::string_view text) {
  if (take(text, "off ")) return Verdict{std::nullopt, std::string(text)};
  MatrixTile tile{};
  if (!take(text, "on ") || !take(text, tile.m) || !take(text, tile.n) || !take(text, tile.k) ||
      !text.empty())
    return std::nullopt;
  return Verdict{tile, {}};
}

std::string findings_key(const PhysicalDevice& device) {
  std::string text = fmt::format("{}\n{}\n{} {} {} {}\n", device.caps.name, device.caps.driver, device.vendor,
                                 device.product, static_cast<int>(device.driver), device.driver_version);
  for (const auto* uuid : {device.device_uuid, device.driver_uuid, device.cache_uuid})
    for (uint32_t i = 0; i < VK_UUID_SIZE; ++i) text += fmt::format("{:02x}", uuid[i]);
  // How the kernels are cut is in no shader's words.
  LinearDevice linear = linear_device(device);
  linear.tile = {16, 16, 16};  // which of the device's own it is may not be asked before the try
  for (const CoopCase& c : coop_cases(linear)) {
    const CoopShape tile = coop_shape(c.rows, c.outputs, c.K, linear);
    text += fmt::format("\n{} {} {} of {}", c.rows, c.outputs, c.K,
                        fmt::join(tile.constants(device.subgroup_size, {}), " "));
  }
  return fmt::format("{:016x}{:016x}", checksum(std::as_bytes(std::span(text))), hash_of_kernels());
}

Findings read_findings(const PhysicalDevice& device) {
  const std::vector<std::byte> bytes = read_cache_file(path_of(device));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Findings found;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (take(line, "units ")) found.units = verdict_from(line);
    if (take(line, "unfinished tries ")) take(line, found.unfinished_tries);
    if (take(line, "subnormals "))
      for (const auto& [value, word] : subnormal_words)
        if (line == word) found.subnormals = value;
  }
  return found;
}

void write_findings(const PhysicalDevice& device, const Findings& findings) {
  std::string text;
  for (const auto& [value, word] : subnormal_words)
    if (findings.subnormals == value) text += fmt::format("subnormals {}\n", word);
  if (findings.units) text += fmt::format("units {}\n", to_text(*findings.units));
  if (findings.unfinished_tries) text += fmt::format("unfinished tries {}\n", findings.unfinished_tries);
  try {
    if (const auto path = path_of(device); !path.empty())
      write_cache_file(path, std::as_bytes(std::span(text)));
  } catch (const std::exception&) {
  }
}

}  // namespace fulmar::vulkan
