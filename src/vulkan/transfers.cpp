// The staging ring; see transfers.h.
#include "vulkan/transfers.h"

#include <algorithm>
#include <cstring>

namespace fulmar::vulkan {
namespace {

constexpr uint64_t block_bytes = 16 << 20;  // large enough for full PCIe speed
constexpr size_t blocks = 4;

}  // namespace

VkCommandBuffer Transfers::next_command() {
  const DeviceFunctions& vk = device_.vk();
  if (!open_) {
    if (ring_.size() < blocks) {
      ring_.push_back({Commands(device_, device_.physical().queue_family), Allocation(device_, block_bytes, MemoryKind::upload)});
      current_ = ring_.size() - 1;
    } else {
      current_ = (current_ + 1) % blocks;
      device_.wait(ring_[current_].time);
      check(vk.vkResetCommandPool(device_.handle(), ring_[current_].commands.pool.get(), 0), "recording");
    }
    ring_[current_].commands.begin(vk, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
    open_ = true;
    used_ = 0;
  }
  const VkCommandBuffer commands = ring_[current_].commands.buffer;
  full_barrier(vk, commands);
  return commands;
}

void Transfers::flush() {
  if (!open_) return;
  open_ = false;
  Block& block = ring_[current_];
  check(device_.vk().vkEndCommandBuffer(block.commands.buffer), "recording");
  block.time = device_.submit({&block.commands.buffer, 1});
}

void Transfers::fill_zero(const Allocation& to) {
  device_.vk().vkCmdFillBuffer(next_command(), to.buffer(), 0, VK_WHOLE_SIZE, 0);
}

void Transfers::upload(const Allocation& to, uint64_t at, std::span<const std::byte> from) {
  while (!from.empty()) {
    if (open_ && used_ == block_bytes) flush();
    const VkCommandBuffer commands = next_command();
    const Block& block = ring_[current_];
    const uint64_t bytes = std::min<uint64_t>(from.size(), block_bytes - used_);
    std::memcpy(block.staging.mapped() + used_, from.data(), bytes);
    const VkBufferCopy region{used_, at, bytes};
    device_.vk().vkCmdCopyBuffer(commands, block.staging.buffer(), to.buffer(), 1, &region);
    used_ = std::min(block_bytes, (used_ + bytes + 15) / 16 * 16);
    at += bytes;
    from = from.subspan(bytes);
  }
}

void Transfers::copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at,
                     uint64_t bytes) {
  if (bytes == 0) return;
  const VkBufferCopy region{from_at, to_at, bytes};
  device_.vk().vkCmdCopyBuffer(next_command(), from.buffer(), to.buffer(), 1, &region);
}

void Transfers::download(std::span<std::byte> to, const Allocation& from, uint64_t at) {
  if (!readback_.buffer()) readback_ = Allocation(device_, block_bytes, MemoryKind::readback);
  while (!to.empty()) {
    const uint64_t bytes = std::min<uint64_t>(to.size(), block_bytes);
    copy(readback_, 0, from, at, bytes);
    barrier(device_.vk(), ring_[current_].commands.buffer, VK_PIPELINE_STAGE_2_COPY_BIT,
            VK_ACCESS_2_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT);
    flush();
    device_.wait(device_.last_submit());
    std::memcpy(to.data(), readback_.mapped(), bytes);
    at += bytes;
    to = to.subspan(bytes);
  }
}

}  // namespace fulmar::vulkan
