// Slots in pieces; see state_memory.h.
#include "ops/state_memory.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar::ops {

void StateMemory::check(uint32_t slot) const {
  require(slot < slots_, "slot {} of {}", slot, slots_);
}

void StateMemory::check(uint32_t slot, size_t floats) const {
  check(slot);
  require(floats == floats_, "{} floats for a state of {}", floats, floats_);
}

PlainStates::PlainStates(Backend& backend, uint64_t floats, uint32_t slots)
    : StateMemory(floats, slots), backend_(backend), each_(slots) {
  const uint64_t bytes = stride(floats) * 4;
  if (bytes == 0 || slots == 0) return;
  const uint64_t most = std::min<uint64_t>(backend.caps().max_buffer_bytes, 1 << 30);
  each_ = static_cast<uint32_t>(std::clamp<uint64_t>(most / bytes, 1, slots));
  for (uint32_t first = 0; first < slots; first += each_)
    pieces_.push_back(backend.allocate(std::min(each_, slots - first) * bytes, Where::device));
}

PlainStates::Place PlainStates::place(uint32_t slot) const {
  check(slot);
  require(!pieces_.empty(), "states without floats lie nowhere");
  return {pieces_[slot / each_].get(), slot % each_ * stride(floats()) * 4};
}

void PlainStates::copy(uint32_t to, uint32_t from) {
  check(to);
  check(from);
  if (pieces_.empty() || to == from) return;
  const Place target = place(to), source = place(from);
  backend_.copy(*target.buffer, target.at, *source.buffer, source.at, floats() * 4);
}

void PlainStates::read(uint32_t slot, std::span<float> out) {
  check(slot, out.size());
  if (pieces_.empty()) return;
  const Place from = place(slot);
  backend_.download(std::as_writable_bytes(out), *from.buffer, from.at);
}

void PlainStates::write(uint32_t slot, std::span<const float> in) {
  check(slot, in.size());
  if (pieces_.empty()) return;
  const Place to = place(slot);
  backend_.upload(*to.buffer, to.at, std::as_bytes(in));
}

const PlainStates& as_plain(const StateMemory& states) {
  const auto* plain = dynamic_cast<const PlainStates*>(&states);
  require(plain != nullptr, "the slots' states are of another backend's kind");
  return *plain;
}

std::unique_ptr<StateMemory> Backend::make_states(const Tape& tape, uint32_t slots) {
  return std::make_unique<PlainStates>(*this, tape.state_floats, slots);
}

}  // namespace fulmar::ops
