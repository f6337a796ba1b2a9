// One block that doubles up to 1 MiB, then more of that size: no connection's thread ever copies more than half of one.
#include "http/blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fulmar::http {
namespace {

constexpr size_t kLeast = 4 << 10;
constexpr size_t kBlock = 1 << 20;  // of return_freed_memory(): such blocks go back to the system

}  // namespace

bool Blocks::put(std::string_view bytes, size_t most) {
  while (!bytes.empty()) {
    if (size_ == room_ && !grow(bytes.size(), most)) return false;
    Block& last = blocks_.back();
    const std::string_view part = bytes.substr(0, last.room - last.size);
    std::memcpy(last.bytes.get() + last.size, part.data(), part.size());
    last.size += part.size();
    size_ += part.size();
    bytes.remove_prefix(part.size());
  }
  return true;
}

// Every block is full.
bool Blocks::grow(size_t wanted, size_t most) {
  const bool doubles = blocks_.size() == 1 && size_ < kBlock;
  const size_t kept = doubles ? 0 : size_;  // in blocks that stay
  Block next;
  next.room = std::min(kBlock, most - kept);
  if (kept == 0) next.room = std::min(next.room, std::max({kLeast, 2 * size_, size_ + wanted}));
  const size_t draws = kept + next.room > limits_.free_body_bytes ? kept + next.room - limits_.free_body_bytes : 0;
  if (draws > drawn_) {
    const size_t more = draws - std::exchange(drawn_, draws);
    if ((all_ += more) > limits_.bodies_bytes) return false;
  }
  next.bytes.reset(new char[next.room]);  // not cleared
  if (doubles) {
    std::memcpy(next.bytes.get(), blocks_.front().bytes.get(), size_);
    next.size = size_;
    blocks_.clear();
  }
  room_ = kept + next.room;
  blocks_.push_back(std::move(next));
  return true;
}

std::string Blocks::join() {
  std::string all;
  all.reserve(size_);
  for (Block& block : blocks_) {
    all.append(block.bytes.get(), block.size);
    block.bytes.reset();
  }
  blocks_.clear();
  return all;
}

}  // namespace fulmar::http
