// Host memory as a Buffer: owned pages, or a view of memory that someone else keeps alive.
#pragma once
#include <memory>
#include <span>

#include "base/pages.h"
#include "ops/backend.h"

namespace fulmar::cpu {

class HostBuffer : public ops::Buffer {
 public:
  HostBuffer(Pages pages, uint64_t bytes) : pages_(std::move(pages)), data_(pages_.get()) { bytes_ = bytes; }
  HostBuffer(std::span<const std::byte> view, std::shared_ptr<const void> owner)
      : owner_(std::move(owner)), data_(view.data()) {
    bytes_ = view.size();
  }
  const std::byte* data() const { return data_; }
  std::byte* writable() { return pages_.get(); }  // null for a view

 private:
  Pages pages_;
  std::shared_ptr<const void> owner_;
  const std::byte* data_;
};

}  // namespace fulmar::cpu
