// The Vulkan backend: any GPU with Vulkan 1.3, and lavapipe for tests.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ops/backend.h"

namespace fulmar::vulkan {

// The devices make_backend can open, by index; real GPUs before implementations on the CPU. Never throws:
// where the list is empty, `why_none` says why (no loader library, no driver, or what each device lacks).
std::vector<ops::Caps> enumerate(std::string& why_none);

// Where a tape allows half inputs, many rows go through matrix units: where real hardware has them, or always
// (for tests, since software only imitates them).
enum class MatrixUnits { on_hardware, always };

// Throws Error(unsupported) when there is no such device, or no matrix units where they are asked for.
std::unique_ptr<ops::Backend> make_backend(uint32_t device_index,
                                           MatrixUnits units = MatrixUnits::on_hardware);

// Messages of the validation layer since the program began; the layer is on when FULMAR_VALIDATION is 1.
uint64_t validation_messages();

}  // namespace fulmar::vulkan
