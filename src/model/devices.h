// The devices of this machine and how a part of a strategy picks one.
#pragma once
#include <memory>

#include "model/model.h"
#include "model/strategy.h"

namespace fulmar {

struct OpenedDevice {
  std::unique_ptr<ops::Backend> backend;
  std::string word;  // "vulkan:0", "cpu"
};

// The backend a part asks for. Throws Error(unsupported) saying why a device is not there. With
// `matrix_units` they are used where they passed a try, which the first start makes.
OpenedDevice open_device(const StrategyPart& part, uint32_t threads, bool matrix_units = true);

// "NAME: WHAT IT LACKS; ..." of GPUs that cannot be used; empty where there are none.
std::string passed_over_devices();

// Tries the matrix units of every device again, each for `seconds` at most, and answers the list with what
// came out.
std::vector<ListedDevice> check_devices(double seconds);
// What the process started for such a try does, and prints for the one that started it.
std::string try_matrix_units_here(const std::string& device_key);

// "vulkan:0", "cpu".
std::string device_word(const StrategyPart& part);

// What is written for CUDA on the GPUs that Vulkan has, in a program without CUDA and where there are any; `said` is then
// a sentence about that.
Strategy with_devices_here(Strategy strategy, std::string& said);

// The first of a strategy's devices; without one the first real GPU, else the CPU.
StrategyPart first_device(const Strategy& strategy);

}  // namespace fulmar
