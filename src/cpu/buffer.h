// Host memory as a Buffer: owned pages, or a view of memory that someone else keeps alive.
#pragma once
#include <algorithm>
#include <memory>
#include <span>

#include "base/pages.h"
#include "ops/backend.h"

namespace fulmar::cpu {

class HostBuffer : public ops::Buffer {
 public:
  // Counts its bytes in `use` while it lives.
  HostBuffer(Pages pages, uint64_t bytes, std::shared_ptr<ops::MemoryUse> use)
      : pages_(std::move(pages)), use_(std::move(use)), data_(pages_.get()) {
    bytes_ = bytes;
    use_->now += bytes;
    use_->peak = std::max(use_->peak, use_->now);
  }
  HostBuffer(std::span<const std::byte> view, std::shared_ptr<const void> owner)
      : owner_(std::move(owner)), data_(view.data()) {
    bytes_ = view.size();
  }
  ~HostBuffer() override {
    if (use_) use_->now -= bytes_;
  }
  const std::byte* data() const { return data_; }
  std::byte* writable() { return pages_.get(); }  // null for a view

 private:
  Pages pages_;
  std::shared_ptr<ops::MemoryUse> use_;  // null for a view
  std::shared_ptr<const void> owner_;
  const std::byte* data_;
};

}  // namespace fulmar::cpu
