// The walk: what loops over a class of characters takes that class's tokens at once, and the rest is read byte by byte.
#include "text/token_mask.h"

#include <algorithm>

namespace fulmar {
namespace {

using Place = GrammarMachine::Place;
using Leaf = GrammarProgram::Leaf;

// So many of the 256 bytes make it worth looking whether the next place loops.
constexpr unsigned wide = 64;

void put(std::span<uint64_t> mask, Token token) {
  mask[static_cast<std::size_t>(token) >> 6] |= uint64_t{1} << (static_cast<uint32_t>(token) & 63);
}

void take(std::span<uint64_t> mask, Token token) {
  mask[static_cast<std::size_t>(token) >> 6] &= ~(uint64_t{1} << (static_cast<uint32_t>(token) & 63));
}

class Walk {
 public:
  Walk(GrammarMachine& machine, const TokenTrie& trie, const LoopSlices& slices, std::span<uint64_t> mask)
      : machine_(machine), trie_(trie), slices_(slices), mask_(mask), limit_(machine.work() + max_mask_work) {}

  void find(Place place) {
    std::ranges::fill(mask_, 0);
    choose_slice(place);
    if (!walk(place)) walk_bytes(place);
    trie_.add_twins(mask_);
  }

 private:
  // Where a text of some class's characters may come, their tokens are taken as a whole; subtrees of nothing else are
  // passed over. Where only most first bytes lead to such a place, that holds of what lies behind them, and in the other
  // subtrees what was taken too much is put back.
  void choose_slice(Place place) {
    if (take_slice(machine_.loop(place))) return;
    if (machine_.width(place) < wide) return;
    const unsigned char byte = machine_.widest(place);
    const Place next = machine_.step(place, byte);
    GrammarMachine::Loop loop = machine_.loop(next);
    if (byte >= 0x80 || !take_slice(loop)) return;
    looping_ = next;
  }

  bool take_slice(const GrammarMachine::Loop& loop) {
    if (loop.char_class == Leaf::none) return false;
    slice_ = slices_[loop.char_class].get();
    const int step = TokenSlice::step_within(loop.chars);
    if (!slice_ || step < 0) {
      slice_ = nullptr;
      return false;
    }
    most_ = TokenSlice::steps[static_cast<std::size_t>(step)];
    std::ranges::copy(slice_->sets[static_cast<std::size_t>(step)], mask_.begin());
    return true;
  }

  bool walk(Place place) {
    const std::span<const TokenTrie::Node> nodes = trie_.nodes();
    places_.resize(trie_.depth() + 1);
    good_.assign(trie_.depth() + 1, 0);
    places_[0] = place;
    good_[0] = slice_ != nullptr && looping_ == GrammarMachine::dead;
    const uint8_t* const longest = slice_ ? slice_->most.data() : nullptr;
    const auto count = static_cast<uint32_t>(nodes.size());
    for (uint32_t i = 1; i < count;) {
      const TokenTrie::Node& node = nodes[i];
      const bool good = good_[node.depth - 1] != 0;
      if (good && longest[i] <= most_) {
        i = node.end;
        continue;
      }
      const Place from = places_[node.depth - 1], to = machine_.step(from, node.label);
      if (to == GrammarMachine::dead) {
        if (slice_ && !good) put_back(i);
        i = node.end;
        continue;
      }
      if (machine_.work() > limit_) return false;
      places_[node.depth] = to;
      if (slice_) {
        good_[node.depth] = good || is_good(from, to, node.label);
        if (!good && good_[node.depth] && longest[i] <= most_) {
          i = node.end;
          continue;
        }
      }
      if (node.token >= 0) put(mask_, node.token);
      ++i;
    }
    return true;
  }

  // Whether it is the place that loops, or is on a character's way to it.
  bool is_good(Place from, Place to, unsigned char label) {
    return to == looping_ || (label >= 0x80 && from == places_[0] && machine_.step(looping_, label) == to);
  }

  void put_back(uint32_t node) {
    if (slice_->path[node] == TokenSlice::other) return;
    for (uint32_t i = node; i < trie_.nodes()[node].end; ++i)
      if (const Token token = trie_.nodes()[i].token; token >= 0) take(mask_, token);
  }

  // The grammar is so ambiguous that a whole walk would take too long: the bytes are enough to write any text.
  void walk_bytes(Place place) {
    std::ranges::fill(mask_, 0);
    const std::span<const TokenTrie::Node> nodes = trie_.nodes();
    for (uint32_t i = 1; i < nodes.size(); i = nodes[i].end)
      if (nodes[i].token >= 0 && machine_.step(place, nodes[i].label) != GrammarMachine::dead) put(mask_, nodes[i].token);
  }

  GrammarMachine& machine_;
  const TokenTrie& trie_;
  const LoopSlices& slices_;
  const std::span<uint64_t> mask_;
  const uint64_t limit_;
  const TokenSlice* slice_ = nullptr;
  uint8_t most_ = 0;                        // characters of the slice's tokens that were taken
  Place looping_ = GrammarMachine::dead;    // behind the first character; dead: the place itself loops
  static thread_local std::vector<Place> places_;  // by depth
  static thread_local std::vector<uint8_t> good_;  // by depth: what was taken is right below it
};

thread_local std::vector<Place> Walk::places_;
thread_local std::vector<uint8_t> Walk::good_;

}  // namespace

LoopSlices loop_slices(const GrammarProgram& program, const TokenTrie& trie) {
  LoopSlices slices(program.classes.size());
  std::size_t count = 0;
  for (const Leaf& leaf : program.leaves) {
    if (leaf.kind != Leaf::Kind::byte || leaf.char_class == Leaf::none || !(leaf.loops || leaf.counts)) continue;
    std::shared_ptr<const TokenSlice>& slice = slices[leaf.char_class];
    if (slice || ++count > max_loop_slices) continue;
    slice = trie.slice(program.classes[leaf.char_class]);
  }
  return slices;
}

void find_mask(GrammarMachine& machine, Place place, const TokenTrie& trie, const LoopSlices& slices,
               std::span<uint64_t> mask) {
  Walk(machine, trie, slices, mask).find(place);
}

}  // namespace fulmar
