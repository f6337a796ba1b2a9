// Slots in pieces; see state_memory.h.
#include "ops/state_memory.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar::ops {

StateMemory::StateMemory(Backend& backend, uint64_t floats, uint32_t slots)
    : backend_(backend), floats_(floats), slots_(slots), each_(slots) {
  const uint64_t bytes = stride(floats) * 4;
  if (bytes == 0 || slots == 0) return;
  each_ = static_cast<uint32_t>(std::clamp<uint64_t>(backend.caps().max_buffer_bytes / bytes, 1, slots));
  for (uint32_t first = 0; first < slots; first += each_)
    pieces_.push_back(backend.allocate(std::min(each_, slots - first) * bytes, Where::device));
}

StateMemory::Place StateMemory::place(uint32_t slot) const {
  require(slot < slots_ && !pieces_.empty(), "slot {} of {}", slot, slots_);
  return {pieces_[slot / each_].get(), slot % each_ * stride(floats_) * 4};
}

void StateMemory::copy(uint32_t to, uint32_t from) {
  if (pieces_.empty()) return;
  const Place target = place(to), source = place(from);
  backend_.copy(*target.buffer, target.at, *source.buffer, source.at, floats_ * 4);
}

void StateMemory::read(uint32_t slot, std::span<float> out) const {
  require(out.size() == floats_, "{} floats for a state of {}", out.size(), floats_);
  if (pieces_.empty()) return;
  const Place from = place(slot);
  backend_.download(std::as_writable_bytes(out), *from.buffer, from.at);
}

void StateMemory::write(uint32_t slot, std::span<const float> in) {
  require(in.size() == floats_, "{} floats for a state of {}", in.size(), floats_);
  if (pieces_.empty()) return;
  const Place to = place(slot);
  backend_.upload(*to.buffer, to.at, std::as_bytes(in));
}

}  // namespace fulmar::ops
