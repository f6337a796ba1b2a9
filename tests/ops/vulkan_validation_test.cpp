// Fails the run when Vulkan's validation layer said anything during any test (with FULMAR_VALIDATION=1).
#include <gtest/gtest.h>

#if FULMAR_HAS_VULKAN
#include "vulkan/backend.h"

namespace fulmar::vulkan {
namespace {

class SilentValidation : public testing::Environment {
 public:
  void TearDown() override {
    EXPECT_EQ(validation_messages(), 0u) << "the Vulkan API was used wrongly; the messages are above";
  }
};
[[maybe_unused]] testing::Environment* const silent = testing::AddGlobalTestEnvironment(new SilentValidation);

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
