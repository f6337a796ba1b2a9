// Copies beside programs, on the card's copy engine where it has one.
#pragma once
#include <array>
#include <optional>

#include "vulkan/device.h"

namespace fulmar::vulkan {

class CopyQueue {
 public:
  explicit CopyQueue(Device& device);

  // Begins a copy, behind those begun before, and answers the time at which it is done. A long one is
  // submitted in pieces, so that no watchdog sees it.
  uint64_t copy(const Allocation& to, uint64_t to_at, const Allocation& from, uint64_t from_at,
                uint64_t bytes);
  // What is submitted to the programs' queue from now on runs when `time` has passed.
  void await(uint64_t time);
  // Waits for every copy.
  void finish();

 private:
  struct Slot {
    std::optional<Commands> commands;
    uint64_t time = 0;  // when its copy is done
  };

  void wait(uint64_t time);
  void copy_piece(const Allocation& to, const Allocation& from, const VkBufferCopy& region);

  Device& device_;
  Unique<VkSemaphore> timeline_;
  std::array<Slot, 8> ring_;  // two copies are under way at most, one for each arena, of four pieces each
  uint64_t submitted_ = 0, awaited_ = 0;
};

}  // namespace fulmar::vulkan
