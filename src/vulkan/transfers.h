// Copies between host and device: a ring of staging blocks, each with the command buffer that empties it.
// Commands gather in the open block until something needs them done.
#pragma once
#include <span>
#include <vector>

#include "vulkan/device.h"

namespace fulmar::vulkan {

class Transfers {
 public:
  explicit Transfers(Device& device) : device_(device) {}

  void fill_zero(const Allocation& to);
  void upload(const Allocation& to, uint64_t at, std::span<const std::byte> from);
  void download(std::span<std::byte> to, const Allocation& from, uint64_t at);
  void copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at, uint64_t bytes);
  // Submits what has gathered, before anything else is submitted.
  void flush();

 private:
  struct Block {
    Commands commands;
    Allocation staging;
    uint64_t time = 0;  // when its last commands are done
  };
  // The command buffer of the open block, behind a barrier to all that came before.
  VkCommandBuffer next_command();

  Device& device_;
  std::vector<Block> ring_;
  size_t current_ = 0;
  bool open_ = false;
  uint64_t used_ = 0;  // bytes of the open block's staging
  Allocation readback_;
};

}  // namespace fulmar::vulkan
