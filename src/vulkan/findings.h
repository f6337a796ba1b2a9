// What earlier starts found out about a device under one build of its driver, kept beside the pipeline cache.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "vulkan/physical_device.h"

namespace fulmar::vulkan {

// Whether matrix units are used: the products they are used for, or why not.
struct Verdict {
  std::optional<MatrixTile> tile;
  std::string why_not;
  bool operator==(const Verdict&) const = default;
};
// One line: "on 16 16 16" or "off they multiply wrongly".
std::string to_text(const Verdict& verdict);
std::optional<Verdict> verdict_from(std::string_view text);

// How kernels read fp16 numbers below 2^-14: as they are, as they are when asked to, or as zero.
enum class Subnormals { unknown, kept, kept_when_asked, lost };

struct Findings {
  Subnormals subnormals = Subnormals::unknown;  // known once the plain kernels have computed rightly
  std::optional<Verdict> units;
  uint32_t unfinished_tries = 0;  // of the units, in a row: this process, or the machine, ended first
  bool operator==(const Findings&) const = default;
};

// Names device, driver build and kernels: what was found out under one key does not hold under another.
std::string findings_key(const PhysicalDevice& device);
// As they were at the beginning where nothing, or nothing readable, is kept.
Findings read_findings(const PhysicalDevice& device);
// Where there is no cache folder, or it cannot be written, the next start finds out anew.
void write_findings(const PhysicalDevice& device, const Findings& findings);

}  // namespace fulmar::vulkan
