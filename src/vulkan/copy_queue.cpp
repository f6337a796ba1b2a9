// The copy queue; see copy_queue.h.
#include "vulkan/copy_queue.h"

namespace fulmar::vulkan {

CopyQueue::CopyQueue(Device& device) : device_(device), timeline_(make_timeline(device)) {}

uint64_t CopyQueue::copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at,
                         uint64_t bytes) {
  if (bytes == 0) return 0;
  const DeviceFunctions& vk = device_.vk();
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

  submit_one(vk, device_.copy_queue(), slot.commands->buffer, {timeline_.get(), submitted_ + 1}, {},
             "submitting a copy");
  return slot.time = ++submitted_;
}

void CopyQueue::finish() {
  wait(submitted_);
}

void CopyQueue::wait(uint64_t time) {
  wait_for(device_, {timeline_.get(), time}, "waiting for a copy");
}

void CopyQueue::await(uint64_t time) {
  if (time <= awaited_) return;
  awaited_ = time;
  device_.wait_before_next_submit({timeline_.get(), time});
}

}  // namespace fulmar::vulkan
