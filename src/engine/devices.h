// The devices of this machine and how a part of a strategy picks one.
#pragma once
#include <memory>

#include "engine/model.h"
#include "engine/strategy.h"

namespace fulmar {

struct OpenedDevice {
  std::unique_ptr<ops::Backend> backend;
  std::string word;  // "vulkan:0", "cpu"
};

// The backend a part asks for. Throws Error(unsupported) saying why a device is not there.
OpenedDevice open_device(const StrategyPart& part, uint32_t threads);

// "vulkan:0", "cpu".
std::string device_word(const StrategyPart& part);

// The first of a strategy's devices; without one the first real GPU, else the CPU.
StrategyPart first_device(const Strategy& strategy);

}  // namespace fulmar
