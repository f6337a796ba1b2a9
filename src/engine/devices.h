// The devices of this machine and how a strategy picks one.
#pragma once
#include <memory>

#include "engine/model.h"
#include "engine/strategy.h"

namespace fulmar {

struct OpenedDevice {
  std::unique_ptr<ops::Backend> backend;
  std::string word;  // "vulkan:0", "cpu"
};

// The backend a strategy asks for. Without a device named: the first real GPU, else the CPU. Throws
// Error(unsupported) saying why a device named is not there.
OpenedDevice open_device(const Strategy& strategy, uint32_t threads);

}  // namespace fulmar
