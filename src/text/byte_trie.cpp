// Builds the trie level by level from sorted tokens and walks it.
#include "text/byte_trie.h"

#include <cstring>

namespace fulmar {

ByteTrie::ByteTrie(const Vocabulary& vocabulary) {
  // A node is a range of sorted tokens that agree in their first `depth` bytes; splitting every range by its
  // next byte gives the level below. Work: the sum of all tokens' lengths.
  struct Range {
    uint32_t begin, end;
  };
  const std::vector<Vocabulary::Entry>& entries = vocabulary.entries;
  std::vector<Range> level{{0, static_cast<uint32_t>(entries.size())}}, below;
  token_.push_back(-1);
  label_.push_back(0);
  for (uint32_t depth = 0, node = 0; !level.empty(); ++depth) {
    for (auto [at, end] : level) {
      first_.push_back(static_cast<uint32_t>(token_.size()));
      if (at < end && entries[at].length == depth) token_[node] = entries[at++].token;
      while (at < end) {
        const auto label = static_cast<unsigned char>(vocabulary.text[entries[at].begin + depth]);
        const uint32_t begin = at;
        while (at < end && static_cast<unsigned char>(vocabulary.text[entries[at].begin + depth]) == label)
          ++at;
        if (depth == 0) root_[label] = static_cast<uint32_t>(token_.size());
        token_.push_back(-1);
        label_.push_back(label);
        below.push_back({begin, at});
      }
      ++node;
    }
    level.swap(below);
    below.clear();
  }
  first_.push_back(static_cast<uint32_t>(token_.size()));
}

uint32_t ByteTrie::child(uint32_t node, unsigned char label) const {
  const uint32_t begin = first_[node], count = first_[node + 1] - begin;
  constexpr uint32_t few = 6;  // most nodes: cheaper than a call
  if (count <= few) {
    for (uint32_t i = begin; i < begin + count; ++i) {
      if (label_[i] == label) return i;
    }
    return 0;
  }
  const void* found = std::memchr(label_.data() + begin, label, count);
  return found ? static_cast<uint32_t>(static_cast<const unsigned char*>(found) - label_.data()) : 0;
}

ByteTrie::Match ByteTrie::longest(std::string_view text) const {
  Match match;
  if (text.empty()) return match;
  uint32_t node = root_[static_cast<unsigned char>(text[0])];
  for (std::size_t length = 1; node != 0; ++length) {
    if (token_[node] >= 0) match = {token_[node], length};
    if (length == text.size()) break;
    node = child(node, static_cast<unsigned char>(text[length]));
  }
  return match;
}

}  // namespace fulmar
