// Compute pipelines by kernel and specialization, kept for the backend's life, and across runs in a file per
// driver.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vulkan/device.h"

namespace fulmar::vulkan {

// A kernel of shaders/ and its specialization constants, numbered from 0.
struct Kernel {
  std::string name;
  std::vector<uint32_t> constants;
  auto operator<=>(const Kernel&) const = default;
};

// Of push constants only, as all kernels have it.
Unique<VkPipelineLayout> make_layout(const DeviceFunctions& vk, const DeviceOwner& owner);
// `cache` may be none. Throws where there is no such kernel or the driver refuses it.
Unique<VkPipeline> compile(const DeviceFunctions& vk, const DeviceOwner& owner, const PhysicalDevice& device,
                           const Kernel& kernel, VkPipelineLayout layout, VkPipelineCache cache,
                           VkPipelineCreateFlags flags = 0);

class Pipelines {
 public:
  explicit Pipelines(Device& device);
  ~Pipelines();  // writes the cache file when something was added

  VkPipelineLayout layout() const { return layout_.get(); }  // push constants only
  VkPipeline get(const Kernel& kernel);

 private:
  Device& device_;
  Unique<VkPipelineLayout> layout_;
  Unique<VkPipelineCache> cache_;
  std::map<Kernel, Unique<VkPipeline>> made_;
  bool grown_ = false;
};

}  // namespace fulmar::vulkan
