// Fails the run when Vulkan's validation layer said anything during any test (with FULMAR_VALIDATION=1), or when
// the device that it was meant for is not there (with FULMAR_TEST_NEEDS_GPU=1).
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include <fmt/format.h>

#include <string_view>

#include "device_under_test.h"
#include "vulkan/backend.h"
#include "vulkan/instance.h"

namespace fulmar::vulkan {
namespace {

class SilentValidation : public testing::Environment {
 public:
  void SetUp() override {
    std::string why;
    if (device_is_a_must() && enumerate(why).size() <= device_under_test())
      FAIL() << "there is no Vulkan device " << device_under_test() << ": " << why;
  }
  void TearDown() override {
    EXPECT_EQ(validation_messages(), 0u) << "the Vulkan API was used wrongly; the messages are above";
  }
};
[[maybe_unused]] testing::Environment* const silent = testing::AddGlobalTestEnvironment(new SilentValidation);

TEST(VulkanValidation, WhatOthersAskForIsNotCounted) {
  const auto asks = [](std::string_view name) {
    return fmt::format("vkGetDeviceProcAddr(): pName is trying to grab {} which is an instance level function", name);
  };
  EXPECT_TRUE(concerns_us(asks("vkCreateDevice")));
  EXPECT_FALSE(concerns_us(asks("vkGetPhysicalDeviceVideoEncodeQualityLevelPropertiesKHR"))) << "NVIDIA's 580 does";
  EXPECT_TRUE(concerns_us("Validation Error: anything else"));
}

TEST(VulkanDevices, SaysWhyThereIsNoneOrNamesThem) {
  std::string why;
  const auto devices = enumerate(why);
  if (devices.empty()) {
    EXPECT_FALSE(why.empty());
    GTEST_SKIP() << why;
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    EXPECT_EQ(devices[i].backend, "vulkan");
    EXPECT_FALSE(devices[i].name.empty());
    // Software comes last, so that device 0 is a GPU where there is one.
    EXPECT_TRUE(i == 0 || devices[i].software >= devices[i - 1].software);
  }
}

}  // namespace
}  // namespace fulmar::vulkan
#endif
