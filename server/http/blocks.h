// The body of a request while it comes: blocks that are never moved, and the memory they take of what all bodies share.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/limits.h"

namespace fulmar::http {

class Blocks {
 public:
  // `all` counts what every body draws on Limits::bodies_bytes, and must outlive this.
  Blocks(const Limits& limits, std::atomic<std::size_t>& all) : limits_(limits), all_(all) {}
  ~Blocks() { all_ -= drawn_; }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  // Puts bytes to those before, of which there will be `most` at most. Room is taken as bytes come, not as a header
  // promises them. False: all bodies together have no room for these.
  bool put(std::string_view bytes, std::size_t most);
  std::size_t size() const { return size_; }
  bool draws() const { return drawn_ > 0; }

  // The body in one piece, once: each block is freed when it is copied. Its memory is counted until this object ends.
  std::string join();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0, room = 0;
  };
  bool grow(std::size_t wanted, std::size_t most);

  const Limits& limits_;
  std::atomic<std::size_t>& all_;
  std::vector<Block> blocks_;
  std::size_t size_ = 0, room_ = 0, drawn_ = 0;
};

}  // namespace fulmar::http
