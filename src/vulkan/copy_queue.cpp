// The copy queue; see copy_queue.h.
#include "vulkan/copy_queue.h"

namespace fulmar::vulkan {

CopyQueue::CopyQueue(Device& device) : device_(device), timeline_(make_timeline(device)) {}

uint64_t CopyQueue::copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at,
                         uint64_t bytes) {
  if (bytes == 0) return 0;
  const DeviceFunctions& vk = device_.vk();
  const VkSemaphore timeline = timeline_.get();
  Slot& slot = ring_[submitted_ % ring_.size()];
  if (slot.commands) {
    wait(slot.time);
    check(vk.vkResetCommandPool(device_.handle(), slot.commands->pool.get(), 0), "recording");
  } else {
    slot.commands.emplace(device_, device_.physical().copy_family);
  }
  slot.commands->begin(vk, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
  full_barrier(vk, slot.commands->buffer);  // to the copy that filled the arena before
  const VkBufferCopy region{from_at, to_at, bytes};
  vk.vkCmdCopyBuffer(slot.commands->buffer, from.buffer(), to.buffer(), 1, &region);
  check(vk.vkEndCommandBuffer(slot.commands->buffer), "recording");

  auto commands = blank<VkCommandBufferSubmitInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO);
  commands.commandBuffer = slot.commands->buffer;
  auto signal = blank<VkSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO);
  signal.semaphore = timeline;
  signal.value = submitted_ + 1;
  signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
  auto info = blank<VkSubmitInfo2>(VK_STRUCTURE_TYPE_SUBMIT_INFO_2);
  info.commandBufferInfoCount = 1;
  info.pCommandBufferInfos = &commands;
  info.signalSemaphoreInfoCount = 1;
  info.pSignalSemaphoreInfos = &signal;
  check(vk.vkQueueSubmit2(device_.copy_queue(), 1, &info, VK_NULL_HANDLE), "submitting a copy");
  return slot.time = ++submitted_;
}

void CopyQueue::finish() {
  wait(submitted_);
}

void CopyQueue::wait(uint64_t time) {
  const VkSemaphore timeline = timeline_.get();
  const VkSemaphoreWaitInfo info{VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, nullptr, 0, 1, &timeline, &time};
  check(device_.vk().vkWaitSemaphores(device_.handle(), &info, ~uint64_t{0}), "waiting for a copy");
}

void CopyQueue::await(uint64_t time) {
  if (time <= awaited_) return;
  awaited_ = time;
  device_.wait_before_next_submit(timeline_.get(), time);
}

}  // namespace fulmar::vulkan
