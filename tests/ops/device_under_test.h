// Which Vulkan device the tests run on: the first, or the one that FULMAR_TEST_DEVICE counts to from 0.
#pragma once
#include <cstdint>
#include <cstdlib>

namespace fulmar::vulkan {

inline uint32_t device_under_test() {
  const char* index = std::getenv("FULMAR_TEST_DEVICE");
  return index ? static_cast<uint32_t>(std::strtoul(index, nullptr, 10)) : 0;
}

// Whether a test that is skipped for want of the device would hide what was to be shown.
inline bool device_is_a_must() {
  const char* must = std::getenv("FULMAR_TEST_NEEDS_GPU");
  return must && *must == '1';
}

}  // namespace fulmar::vulkan
