// Matrix units (VK_KHR_cooperative_matrix): which drivers may be asked for them, and whether they are used.
//
// Drivers crash on asking, compiling or running them, hang, and multiply wrongly. So they are tried in a
// process of its own, once for each build of a driver and of our kernels, and used when that went well.
#pragma once
#include "vulkan/backend.h"
#include "vulkan/findings.h"
#include "vulkan/instance.h"

namespace fulmar::vulkan {

// Why they are not even tried, from what is known without asking the driver for them; empty where they may
// be.
std::string why_not_tried(const PhysicalDevice& device);

// The size of products with f16 inputs and f32 sums that kernels can use; nothing where the device has no
// such. Some drivers crash here.
std::optional<MatrixTile> find_matrix_tile(const InstanceFunctions& vk, const PhysicalDevice& device);

// Verdicts of a try: these words, or what is wrong with the units; and what begins a line that is none,
// because the trouble may pass.
inline constexpr std::string_view no_usable_size = "they come in no size that kernels can use",
                                  later = "later ";

// Of what a try wrote: drivers may have talked before. Lines end as the system ends them.
std::string last_line(std::string_view text);

// What was found out; nothing where they are still to be tried.
std::optional<Verdict> known_verdict(const PhysicalDevice& device);
// The same after trying them now, where they may be. One warning says so when they failed.
Verdict try_matrix_units(const PhysicalDevice& device, double seconds);
// For people: "on, in products of 16x16x16" or "off: ...".
std::string units_line(const std::optional<Verdict>& verdict);

}  // namespace fulmar::vulkan
