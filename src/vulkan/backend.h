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
// What the devices lack that enumerate() leaves out, by name; empty where there are none. Never throws.
std::string passed_over();

// Where a tape allows half inputs, many rows go through matrix units: where real hardware has them and they
// passed a try in a process of their own; never; or always, untried (for tests, since software only imitates
// them).
enum class MatrixUnits { on_hardware, never, always };

// Throws Error(unsupported) when there is no such device, no matrix units where they are asked for, or when
// the plain kernels compute wrongly there.
std::unique_ptr<ops::Backend> make_backend(uint32_t device_index,
                                           MatrixUnits units = MatrixUnits::on_hardware);

// Tries the matrix units of a device again, and answers what its Caps say of them from now on.
inline constexpr double seconds_of_a_try = 60;
std::string check_matrix_units(uint32_t device_index, double seconds = seconds_of_a_try);
// What the process does that tries them; `key` names the device. The driver may crash or hang it. Answers a
// line for the process that waits.
std::string try_matrix_units_here(const std::string& key);

// Messages of the validation layer since the program began; the layer is on when FULMAR_VALIDATION is 1.
uint64_t validation_messages();

}  // namespace fulmar::vulkan
