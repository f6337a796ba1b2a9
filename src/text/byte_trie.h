// Finds the longest token that a text begins with.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace fulmar {

// A trie over bytes in three flat arrays, breadth first: the children of node n are the nodes first_[n] up to
// first_[n + 1], in ascending order of label_. Node 0 is the root. For 65,529 World tokens: 116,000 nodes, 1
// MiB, of which a text touches the upper levels, so most steps hit the cache.
class ByteTrie {
 public:
  explicit ByteTrie(const Vocabulary& vocabulary);

  struct Match {
    Token token = -1;
    std::size_t length = 0;  // 0: no token fits
  };
  Match longest(std::string_view text) const;

 private:
  uint32_t child(uint32_t node, unsigned char label) const;  // 0: none

  std::vector<uint32_t> first_;       // node count + 1
  std::vector<Token> token_;          // -1: no token ends here
  std::vector<unsigned char> label_;  // the byte that leads here
  // The root's children by byte: up to 256 labels, the longest search of all.
  std::array<uint32_t, 256> root_{};
};

}  // namespace fulmar
