// Making pipelines and keeping the driver's cache on disk; see pipelines.h.
#include "vulkan/pipelines.h"

#include <algorithm>

#include "base/fail.h"
#include "base/platform.h"
#include "fulmar_shaders.h"
#include "vulkan/cache_file.h"
#include "vulkan/spirv.h"

namespace fulmar::vulkan {
namespace {

constexpr uint32_t push_bytes = 128;

// One file per driver build; empty where this user has no cache folder.
std::filesystem::path cache_path(const PhysicalDevice& device) {
  const std::filesystem::path folder = cache_folder();
  if (folder.empty()) return {};
  std::string name = "vulkan-";
  for (const auto* uuid : {device.driver_uuid, device.cache_uuid})
    for (uint32_t i = 0; i < VK_UUID_SIZE; ++i) name += fmt::format("{:02x}", uuid[i]);
  return folder / (name + ".bin");
}

}  // namespace

Unique<VkPipelineLayout> make_layout(const DeviceFunctions& vk, const DeviceOwner& owner) {
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
  auto info = blank<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &range;
  VkPipelineLayout layout;
  check(vk.vkCreatePipelineLayout(owner.handle, &info, nullptr, &layout), "creating a pipeline layout");
  return {owner, layout, vk.vkDestroyPipelineLayout};
}

Unique<VkPipeline> compile(const DeviceFunctions& vk, const DeviceOwner& owner, const PhysicalDevice& device,
                           const Kernel& kernel, VkPipelineLayout layout, VkPipelineCache cache,
                           VkPipelineCreateFlags flags) {
  const auto all = shaders::all();
  const auto shader =
      std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.name == kernel.name; });
  require(shader != all.end(), "no kernel {}", kernel.name);

  auto module_info = blank<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  const bool preserve = device.preserve_subnormals;
  const std::vector<uint32_t> changed =
      preserve ? with_subnormals_preserved(shader->words) : std::vector<uint32_t>();
  const std::span<const uint32_t> words = preserve ? std::span<const uint32_t>(changed) : shader->words;
  module_info.codeSize = words.size_bytes();
  module_info.pCode = words.data();
  VkShaderModule handle;
  check(vk.vkCreateShaderModule(owner.handle, &module_info, nullptr, &handle), "reading a kernel");
  const Unique<VkShaderModule> module(owner, handle, vk.vkDestroyShaderModule);

  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < kernel.constants.size(); ++i) entries.push_back({i, 4 * i, 4});
  const VkSpecializationInfo specialization{static_cast<uint32_t>(entries.size()), entries.data(),
                                            kernel.constants.size() * 4, kernel.constants.data()};
  // Kernels count on one subgroup size; all their workgroups are whole multiples of it.
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size{
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, nullptr,
      device.subgroup_size};
  auto info = blank<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.flags = flags;
  info.layout = layout;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.pNext = device.choose_subgroup_size ? &size : nullptr;
  info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = handle;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &specialization;
  VkPipeline pipeline;
  check(vk.vkCreateComputePipelines(owner.handle, cache, 1, &info, nullptr, &pipeline),
        "compiling a kernel");
  return {owner, pipeline, vk.vkDestroyPipeline};
}

Pipelines::Pipelines(Device& device) : device_(device) {
  const DeviceFunctions& vk = device.vk();
  layout_ = make_layout(vk, device.owner());
  const std::vector<std::byte> stored = read_cache_file(cache_path(device.physical()));
  auto cache_info = blank<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  cache_info.initialDataSize = stored.size();
  cache_info.pInitialData = stored.data();
  VkPipelineCache cache;
  check(vk.vkCreatePipelineCache(device.handle(), &cache_info, nullptr, &cache), "creating a pipeline cache");
  cache_ = {device.owner(), cache, vk.vkDestroyPipelineCache};
}

Pipelines::~Pipelines() {
  if (!grown_ || device_.abandoned()) return;
  try {  // the next start is slower without it, nothing worse
    const std::filesystem::path path = cache_path(device_.physical());
    size_t size = 0;
    const auto get = device_.vk().vkGetPipelineCacheData;
    if (path.empty() || get(device_.handle(), cache_.get(), &size, nullptr) != VK_SUCCESS) return;
    std::vector<std::byte> bytes(size);
    if (get(device_.handle(), cache_.get(), &size, bytes.data()) != VK_SUCCESS) return;
    bytes.resize(size);
    write_cache_file(path, bytes);
  } catch (const std::exception&) {
  }
}

VkPipeline Pipelines::get(const Kernel& kernel) {
  if (const auto known = made_.find(kernel); known != made_.end()) return known->second.get();
  auto made = compile(device_.vk(), device_.owner(), device_.physical(), kernel, layout_.get(), cache_.get());
  grown_ = true;
  return made_.emplace(kernel, std::move(made)).first->second.get();
}

}  // namespace fulmar::vulkan
