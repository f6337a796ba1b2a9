// How the devices of this machine are called, and what somebody is told who asks for another.
#include "model/devices.h"

#include <gtest/gtest.h>

#include "fulmar/error.h"

namespace fulmar {
namespace {

std::string refusal(const char* strategy) {
  try {
    open_device(parse_strategy(strategy).parts[0], 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "opened";
}

TEST(Devices, AreListedUnderTheWordsThatOpenThem) {
  const std::vector<ListedDevice> list = list_devices();
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list.back().word, "cpu");
  for (const ListedDevice& device : list) {
    const StrategyPart part = parse_strategy(device.word).parts[0];
    EXPECT_EQ(device_word(part), device.word);
    const OpenedDevice opened = open_device(part, 1);
    EXPECT_EQ(opened.word, device.word);
    EXPECT_EQ(opened.backend->caps().backend, part.device);
    EXPECT_EQ(opened.backend->caps().name.substr(0, 5), device.caps.name.substr(0, 5));
  }
}

TEST(Devices, TheFirstIsRealHardwareOrTheCpu) {
  const std::vector<ListedDevice> list = list_devices();
  const bool gpu = !list[0].caps.software;
  EXPECT_EQ(device_word(first_device({})), gpu ? list[0].word : "cpu");
  EXPECT_EQ(device_word(first_device(parse_strategy("vulkan:3 -> cpu"))), "vulkan:3") << "what was asked for";
}

TEST(Devices, ThoseThatAreNotThereAreRefusedWithACure) {
  EXPECT_EQ(refusal("cpu:1"), "there is one cpu, cpu:1 does not exist; use 'cpu'");
  EXPECT_EQ(refusal("cuda:2"), "cuda:2: this program was built without CUDA; use '" + first_device({}).device +
                                   "' ('fulmar devices' lists what is here)");
  const size_t gpus = list_devices().size() - 1;
  if (const std::string why = why_no_vulkan(); !why.empty()) {
    EXPECT_EQ(refusal("vulkan"), "no vulkan device: " + why + "; use 'cpu'");
  } else {
    EXPECT_EQ(refusal("vulkan:99"), "vulkan:99 does not exist; this machine has " + std::to_string(gpus) +
                                        " ('fulmar devices' lists them)");
  }
}

}  // namespace
}  // namespace fulmar
