// The fault layer's functions of a device and its queues; see faults.h.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "layer.h"

namespace fulmar::faults {
namespace {

VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo* info,
                                             const VkAllocationCallbacks* memory, VkDevice* out) {
  auto* link = static_cast<VkLayerDeviceCreateInfo*>(const_cast<void*>(info->pNext));
  while (link && !(link->sType == VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO))
    link = static_cast<VkLayerDeviceCreateInfo*>(const_cast<void*>(link->pNext));
  if (!link) return VK_ERROR_INITIALIZATION_FAILED;
  const PFN_vkGetInstanceProcAddr next_instance = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  const PFN_vkGetDeviceProcAddr next = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  auto data = std::make_unique<DeviceData>();
  data->faults = of_environment();
  data->next = next;
  if (data->fails()) return VK_ERROR_OUT_OF_HOST_MEMORY;
  if (data->faults.portability &&
      !has_name(info->ppEnabledExtensionNames, info->enabledExtensionCount, portability_subset))
    return VK_ERROR_FEATURE_NOT_PRESENT;
  VkPhysicalDeviceMemoryProperties driver_memory;
  instance_of(physical).memory(physical, &driver_memory);
  data->memory_types = driver_memory.memoryTypeCount;
  VkDeviceCreateInfo copy = *info;
  std::vector<const char*> extensions;
  for (uint32_t i = 0; i < info->enabledExtensionCount; ++i)
    if (const std::string name = info->ppEnabledExtensionNames[i];
        !(data->faults.offer && name == matrix_extension) && !(data->faults.portability && name == portability_subset))
      extensions.push_back(info->ppEnabledExtensionNames[i]);
  copy.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  copy.ppEnabledExtensionNames = extensions.data();
  const auto create =
      reinterpret_cast<PFN_vkCreateDevice>(next_instance(instance_of(physical).handle, "vkCreateDevice"));
  const VkResult result = create(physical, &copy, memory, out);
  if (result != VK_SUCCESS) return result;
  data->handle = *out;
  const Lock lock(mutex);
  devices[key(*out)] = std::move(data);
  return VK_SUCCESS;
}

VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks* memory) {
  std::unique_ptr<DeviceData> data;
  {
    const Lock lock(mutex);
    if (!device) return;
    if (!of(device).stopped) data = std::move(devices.at(key(device))), devices.erase(key(device));
  }
  if (!data) hang();
  if (!data->objects.empty()) {
    std::fprintf(stderr, "fault layer: a device was destroyed before %zu of its objects\n", data->objects.size());
    std::abort();
  }
  data->get<PFN_vkDestroyDevice>("vkDestroyDevice")(device, memory);
}

VKAPI_ATTR VkResult VKAPI_CALL device_wait_idle(VkDevice device) {
  PFN_vkDeviceWaitIdle next;
  {
    const Lock lock(mutex);
    DeviceData& data = of(device);
    if (data.lost) return VK_ERROR_DEVICE_LOST;
    next = data.stopped ? nullptr : data.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle");
  }
  if (!next) hang();
  return next(device);
}

VKAPI_ATTR VkResult VKAPI_CALL wait_semaphores(VkDevice device, const VkSemaphoreWaitInfo* info, uint64_t timeout) {
  PFN_vkWaitSemaphores next;
  {
    const Lock lock(mutex);
    DeviceData& data = of(device);
    if (data.lost && !data.faults.silent) return VK_ERROR_DEVICE_LOST;
    next = data.lost ? nullptr : data.get<PFN_vkWaitSemaphores>("vkWaitSemaphores");
  }
  if (next) return next(device, info, timeout);
  std::this_thread::sleep_for(std::chrono::nanoseconds(timeout));
  return VK_TIMEOUT;
}

// What a lost device had under way counts as done, so it must not run on while its objects are destroyed.
void lose(DeviceData& data) {
  data.get<PFN_vkDeviceWaitIdle>("vkDeviceWaitIdle")(data.handle);
  data.lost = true;
}

// A command buffer of ours runs once at a time.
void refuse_if_running(DeviceData& data, const VkSubmitInfo2& submit) {
  for (uint32_t c = 0; c < submit.commandBufferInfoCount; ++c) {
    const auto last = data.submitted.find(submit.pCommandBufferInfos[c].commandBuffer);
    if (last == data.submitted.end()) continue;
    uint64_t reached = 0;
    data.get<PFN_vkGetSemaphoreCounterValue>("vkGetSemaphoreCounterValue")(data.handle, last->second.semaphore,
                                                                           &reached);
    if (reached < last->second.value) {
      std::fprintf(stderr, "fault layer: a command buffer was submitted again while it ran\n");
      std::abort();
    }
  }
}

VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count, const VkSubmitInfo2* list, VkFence fence) {
  const Lock lock(mutex);
  DeviceData& data = of(queue);
  if (data.stopped) return VK_SUCCESS;
  Faults fresh;
  if (take_file(fresh)) data.faults = fresh, data.submits = data.calls = 0;
  if (data.lost) return VK_ERROR_DEVICE_LOST;
  if (data.fails()) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  ++data.submits;
  if (data.submits == data.faults.lose_submit) return lose(data), VK_ERROR_DEVICE_LOST;
  if (data.submits == data.faults.stop) return data.stopped = true, VK_SUCCESS;
  if (!data.faults.matrix_run.empty())
    for (uint32_t i = 0; i < count; ++i)
      for (uint32_t c = 0; c < list[i].commandBufferInfoCount; ++c)
        if (data.matrix_commands.count(list[i].pCommandBufferInfos[c].commandBuffer)) {
          suffer(data.faults.matrix_run);
          if (data.faults.matrix_run == "stop") return data.stopped = true, VK_SUCCESS;
        }
  for (uint32_t i = 0; i < count; ++i) refuse_if_running(data, list[i]);
  const VkResult result = data.get<PFN_vkQueueSubmit2>("vkQueueSubmit2")(queue, count, list, fence);
  for (uint32_t i = 0; i < count && result == VK_SUCCESS; ++i)
    for (uint32_t c = 0; c < list[i].commandBufferInfoCount && list[i].signalSemaphoreInfoCount > 0; ++c)
      data.submitted[list[i].pCommandBufferInfos[c].commandBuffer] = list[i].pSignalSemaphoreInfos[0];
  if (data.submits == data.faults.lose_wait) lose(data);
  return result;
}

const Entry entries[] = {
    FAULT_ENTRY("vkCreateDevice", create_device), FAULT_ENTRY("vkDestroyDevice", destroy_device),
    FAULT_ENTRY("vkDeviceWaitIdle", device_wait_idle), FAULT_ENTRY("vkWaitSemaphores", wait_semaphores),
    FAULT_ENTRY("vkQueueSubmit2", queue_submit)};

}  // namespace

std::span<const Entry> device_entries() { return entries; }

}  // namespace fulmar::faults
