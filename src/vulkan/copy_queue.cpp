// The copy queue; see copy_queue.h.
#include "vulkan/copy_queue.h"

#include <algorithm>

namespace fulmar::vulkan {

CopyQueue::CopyQueue(Device& device) : device_(device), timeline_(make_timeline(device)) {}

uint64_t CopyQueue::copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at,
                         uint64_t bytes) {
  constexpr uint64_t piece = uint64_t{256} << 20;  // 10 to 60 ms over PCIe
  if (bytes == 0) return 0;
  for (uint64_t at = 0; at < bytes; at += piece)
    copy_piece(to, from, {from_at + at, to_at + at, std::min(piece, bytes - at)});
  return submitted_;
}

void CopyQueue::copy_piece(const Allocation& to, const Allocation& from, const VkBufferCopy& region) {
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
  vk.vkCmdCopyBuffer(slot.commands->buffer, from.buffer(), to.buffer(), 1, &region);
  check(vk.vkEndCommandBuffer(slot.commands->buffer), "recording");
  device_.submit_one(device_.copy_queue(), slot.commands->buffer, {timeline_.get(), submitted_ + 1}, {},
                     "submitting a copy");
  slot.time = ++submitted_;
}

void CopyQueue::finish() {
  wait(submitted_);
}

void CopyQueue::wait(uint64_t time) {
  device_.wait_for({timeline_.get(), time}, "waiting for a copy");
}

void CopyQueue::await(uint64_t time) {
  if (time <= awaited_) return;
  awaited_ = time;
  device_.wait_before_next_submit({timeline_.get(), time});
}

}  // namespace fulmar::vulkan
