// The fault layer's functions that make, destroy, map and record: each may be the call that fails, and what is made is
// counted; see faults.h.
#include <algorithm>
#include <cstdlib>
#include <cstdio>
#include <vector>

#include "layer.h"

namespace fulmar::faults {
namespace {

constexpr uint32_t matrix_capability = 6022;  // CooperativeMatrixKHR, in SPIR-V's registry

// OpCapability is two words, and all of them come first in a module.
bool uses_matrices(const uint32_t* words, size_t count) {
  for (size_t i = 5; i + 1 < count && (words[i] & 0xffff) == 17; i += words[i] >> 16)
    if (words[i + 1] == matrix_capability) return true;
  return false;
}

// vkCreate##Thing and vkDestroy##Thing as the driver does them, unless it is this call's turn to fail.
#define OBJECT(Thing)                                                                                              \
  VKAPI_ATTR VkResult VKAPI_CALL create_##Thing(VkDevice device, const Vk##Thing##CreateInfo* info,                \
                                                const VkAllocationCallbacks* memory, Vk##Thing* out) {             \
    const Lock lock(mutex);                                                                                        \
    DeviceData& data = of(device);                                                                                 \
    if (data.fails()) return VK_ERROR_OUT_OF_HOST_MEMORY;                                                          \
    const VkResult result = data.get<PFN_vkCreate##Thing>("vkCreate" #Thing)(device, info, memory, out);           \
    if (result == VK_SUCCESS) data.made(*out);                                                                     \
    return result;                                                                                                 \
  }                                                                                                                \
  VKAPI_ATTR void VKAPI_CALL destroy_##Thing(VkDevice device, Vk##Thing it, const VkAllocationCallbacks* memory) { \
    hang_if_stopped(device);                                                                                       \
    const Lock lock(mutex);                                                                                        \
    DeviceData& data = of(device);                                                                                 \
    data.gone(it);                                                                                                 \
    data.get<PFN_vkDestroy##Thing>("vkDestroy" #Thing)(device, it, memory);                                        \
  }
OBJECT(CommandPool)
OBJECT(Semaphore)
OBJECT(QueryPool)
OBJECT(PipelineLayout)
OBJECT(PipelineCache)
OBJECT(Buffer)
OBJECT(ShaderModule)

VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo* info,
                                             const VkAllocationCallbacks* memory, VkBuffer* out) {
  {
    const Lock lock(mutex);
    const uint64_t most = of(device).faults.max_allocation;
    if (most && info->size > most) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  return create_Buffer(device, info, memory, out);
}

VKAPI_ATTR VkResult VKAPI_CALL create_module(VkDevice device, const VkShaderModuleCreateInfo* info,
                                             const VkAllocationCallbacks* memory, VkShaderModule* out) {
  const VkResult result = create_ShaderModule(device, info, memory, out);
  const Lock lock(mutex);
  if (result == VK_SUCCESS && uses_matrices(info->pCode, info->codeSize / 4)) of(device).matrix_modules.insert(*out);
  return result;
}
VKAPI_ATTR void VKAPI_CALL destroy_module(VkDevice device, VkShaderModule it, const VkAllocationCallbacks* memory) {
  hang_if_stopped(device);
  const Lock lock(mutex);
  of(device).matrix_modules.erase(it);
  destroy_ShaderModule(device, it, memory);
}

VKAPI_ATTR VkResult VKAPI_CALL create_pipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                const VkComputePipelineCreateInfo* infos,
                                                const VkAllocationCallbacks* memory, VkPipeline* out) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  const auto uses = [&](uint32_t i) { return data.matrix_modules.count(infos[i].stage.module) > 0; };
  bool any = false;
  for (uint32_t i = 0; i < count; ++i) any = any || uses(i);
  if (any) suffer(data.faults.matrix_compile);
  if (data.fails() || (any && data.faults.matrix_compile == "fail")) return VK_ERROR_OUT_OF_HOST_MEMORY;
  VkResult result = VK_SUCCESS;
  if (any && data.faults.offer) {
    static uintptr_t last = 0;
    for (uint32_t i = 0; i < count; ++i) {
      out[i] = (VkPipeline)(last += 16);  // a pointer or a number, by the width of the machine
      data.imagined.insert(out[i]);
    }
  } else {
    const auto next = data.get<PFN_vkCreateComputePipelines>("vkCreateComputePipelines");
    result = next(device, cache, count, infos, memory, out);
  }
  for (uint32_t i = 0; i < count && result == VK_SUCCESS; ++i) {
    data.made(out[i]);
    if (uses(i)) data.matrix_pipelines.insert(out[i]);
  }
  return result;
}
VKAPI_ATTR void VKAPI_CALL destroy_pipeline(VkDevice device, VkPipeline it, const VkAllocationCallbacks* memory) {
  hang_if_stopped(device);
  const Lock lock(mutex);
  DeviceData& data = of(device);
  data.gone(it);
  data.matrix_pipelines.erase(it);
  if (data.imagined.erase(it)) return;
  data.get<PFN_vkDestroyPipeline>("vkDestroyPipeline")(device, it, memory);
}

VKAPI_ATTR void VKAPI_CALL get_requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements* out) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  data.get<PFN_vkGetBufferMemoryRequirements>("vkGetBufferMemoryRequirements")(device, buffer, out);
  if (data.faults.two_heaps) out->memoryTypeBits |= out->memoryTypeBits << data.memory_types;
}
VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device, const VkMemoryAllocateInfo* info,
                                               const VkAllocationCallbacks* memory, VkDeviceMemory* out) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  const uint64_t most = data.faults.max_allocation;
  if (data.fails() || (most && info->allocationSize > most) ||
      info->memoryTypeIndex == data.faults.no_memory_in_type)
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  VkMemoryAllocateInfo copy = *info;
  if (data.faults.two_heaps && copy.memoryTypeIndex >= data.memory_types) copy.memoryTypeIndex -= data.memory_types;
  const VkResult result = data.get<PFN_vkAllocateMemory>("vkAllocateMemory")(device, &copy, memory, out);
  if (result == VK_SUCCESS) data.made(*out);
  return result;
}
VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory it, const VkAllocationCallbacks* memory) {
  hang_if_stopped(device);
  const Lock lock(mutex);
  DeviceData& data = of(device);
  data.gone(it);
  data.get<PFN_vkFreeMemory>("vkFreeMemory")(device, it, memory);
}

VKAPI_ATTR VkResult VKAPI_CALL map_memory(VkDevice device, VkDeviceMemory memory, VkDeviceSize at, VkDeviceSize size,
                                          VkMemoryMapFlags flags, void** out) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  if (data.fails()) return VK_ERROR_MEMORY_MAP_FAILED;
  return data.get<PFN_vkMapMemory>("vkMapMemory")(device, memory, at, size, flags, out);
}
VKAPI_ATTR VkResult VKAPI_CALL bind_memory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize at) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  if (data.fails()) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  return data.get<PFN_vkBindBufferMemory>("vkBindBufferMemory")(device, buffer, memory, at);
}

VKAPI_ATTR VkResult VKAPI_CALL allocate_commands(VkDevice device, const VkCommandBufferAllocateInfo* info,
                                                 VkCommandBuffer* out) {
  const Lock lock(mutex);
  DeviceData& data = of(device);
  if (data.fails()) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return data.get<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(device, info, out);
}
VKAPI_ATTR VkResult VKAPI_CALL begin_commands(VkCommandBuffer commands, const VkCommandBufferBeginInfo* info) {
  const Lock lock(mutex);
  DeviceData& data = of(commands);
  data.matrix_commands.erase(commands);
  data.submitted.erase(commands);
  if (data.fails()) return VK_ERROR_OUT_OF_HOST_MEMORY;
  return data.get<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(commands, info);
}
VKAPI_ATTR VkResult VKAPI_CALL end_commands(VkCommandBuffer commands) {
  const Lock lock(mutex);
  DeviceData& data = of(commands);
  const VkResult result = data.get<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(commands);
  return data.fails() ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
}

VKAPI_ATTR void VKAPI_CALL bind_pipeline(VkCommandBuffer commands, VkPipelineBindPoint point, VkPipeline pipeline) {
  const Lock lock(mutex);
  DeviceData& data = of(commands);
  data.bound[commands] = pipeline;
  if (data.imagined.count(pipeline)) return;
  data.get<PFN_vkCmdBindPipeline>("vkCmdBindPipeline")(commands, point, pipeline);
}
VKAPI_ATTR void VKAPI_CALL dispatch(VkCommandBuffer commands, uint32_t x, uint32_t y, uint32_t z) {
  const Lock lock(mutex);
  DeviceData& data = of(commands);
  if (const uint64_t most = data.faults.max_groups; most && std::max(x, y) > most) {
    std::fprintf(stderr, "fault layer: a launch of %u x %u workgroups\n", x, y);
    std::abort();
  }
  const auto bound = data.bound.find(commands);
  if (bound != data.bound.end() && data.matrix_pipelines.count(bound->second)) {
    data.matrix_commands.insert(commands);
    if (data.faults.matrix_run == "lie" || data.imagined.count(bound->second)) return;
  }
  data.get<PFN_vkCmdDispatch>("vkCmdDispatch")(commands, x, y, z);
}

#define OBJECT_ENTRIES(Thing) \
  FAULT_ENTRY("vkCreate" #Thing, create_##Thing), FAULT_ENTRY("vkDestroy" #Thing, destroy_##Thing)
const Entry entries[] = {OBJECT_ENTRIES(CommandPool),
                         OBJECT_ENTRIES(Semaphore),
                         OBJECT_ENTRIES(QueryPool),
                         OBJECT_ENTRIES(PipelineLayout),
                         OBJECT_ENTRIES(PipelineCache),
                         FAULT_ENTRY("vkCreateBuffer", create_buffer),
                         FAULT_ENTRY("vkDestroyBuffer", destroy_Buffer),
                         FAULT_ENTRY("vkCreateShaderModule", create_module),
                         FAULT_ENTRY("vkDestroyShaderModule", destroy_module),
                         FAULT_ENTRY("vkCreateComputePipelines", create_pipelines),
                         FAULT_ENTRY("vkDestroyPipeline", destroy_pipeline),
                         FAULT_ENTRY("vkGetBufferMemoryRequirements", get_requirements),
                         FAULT_ENTRY("vkAllocateMemory", allocate_memory),
                         FAULT_ENTRY("vkFreeMemory", free_memory),
                         FAULT_ENTRY("vkMapMemory", map_memory),
                         FAULT_ENTRY("vkBindBufferMemory", bind_memory),
                         FAULT_ENTRY("vkAllocateCommandBuffers", allocate_commands),
                         FAULT_ENTRY("vkBeginCommandBuffer", begin_commands),
                         FAULT_ENTRY("vkEndCommandBuffer", end_commands),
                         FAULT_ENTRY("vkCmdBindPipeline", bind_pipeline),
                         FAULT_ENTRY("vkCmdDispatch", dispatch)};

}  // namespace

std::span<const Entry> object_entries() { return entries; }

}  // namespace fulmar::faults
