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

// Throws Error(unsupported) when there is no such device.
std::unique_ptr<ops::Backend> make_backend(uint32_t device_index);

// Messages of the validation layer since the program began; the layer is on when FULMAR_VALIDATION is 1.
uint64_t validation_messages();

}  // namespace fulmar::vulkan
