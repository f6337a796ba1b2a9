// The walk: where characters of one class follow each other its tokens are taken at once, and the rest is read byte by byte.
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
  Walk(GrammarMachine& machine, const TokenTrie& trie, const LoopSlices& slices, uint64_t most_work, std::span<uint64_t> mask)
      : machine_(machine), trie_(trie), slices_(slices), mask_(mask), limit_(machine.work() + most_work), works_(most_work > 0) {}

  bool find(Place place) {
    std::ranges::fill(mask_, 0);
    const bool found = works_ && (take_run(place) ? walk_rest(place) : walk(place));
    if (!found) walk_bytes(place);
    trie_.add_twins(mask_);
    return found;
  }

 private:
  bool has_enough() const { return machine_.work() > limit_ || machine_.bytes() > max_machine_bytes; }

  // Where all characters of a class lead to one place, from there to one, and so on, a text of such characters may come or
  // not by how many they are: its tokens are taken as a whole.
  bool take_run(Place place) {
    const uint32_t char_class = best_class(place);
    if (char_class == Leaf::none) return false;
    const GrammarMachine::Loop loop = machine_.loop(place);
    uint32_t chars = loop.char_class == char_class ? loop.chars : 0;  // so many may come
    bool ends = false;                                                // and no more
    if (chars < TokenSlice::far) {
      uint32_t read = 0;
      for (Place at = place; read < TokenSlice::far && !has_enough(); ++read) {
        const std::optional<Place> next = machine_.behind_any(at, char_class);
        ends = next == GrammarMachine::dead;
        if (!next || ends) break;
        if (*next == at) {
          read = GrammarMachine::unbounded_chars;
          break;
        }
        at = *next;
      }
      chars = ends ? read : std::max(chars, read);
    }
    if (chars == 0) return false;
    slice_ = slices_[char_class].get();
    slice_->copy_to(mask_, chars);
    most_ = ends || chars >= TokenSlice::other ? TokenSlice::other - 1 : static_cast<uint8_t>(chars);
    return true;
  }

  // Of those that may come now, the one with the most tokens.
  uint32_t best_class(Place place) {
    classes_.clear();
    machine_.add_classes(place, classes_);
    uint32_t best = Leaf::none;
    for (const uint32_t one : classes_)
      if (slices_[one] && (best == Leaf::none || slices_[one]->count > slices_[best]->count)) best = one;
    return best;
  }

  // What take_run() has not decided.
  bool walk_rest(Place place) {
    const bool small = !slice_->rest.empty() && most_ >= TokenSlice::far;
    const std::span<const TrieNode> nodes = small ? slice_->rest : trie_.nodes();
    places_.resize(trie_.depth() + 1);
    places_[0] = place;
    for (uint32_t i = 1; i < nodes.size();) {
      const TrieNode& node = nodes[i];
      if (!small && slice_->most[i] <= most_) {
        i = node.end;
        continue;
      }
      const Place to = machine_.step(places_[node.depth - 1], node.label);
      if (to == GrammarMachine::dead) {
        i = node.end;
        continue;
      }
      if (has_enough()) return false;
      places_[node.depth] = to;
      if (node.token >= 0) put(mask_, node.token);
      ++i;
    }
    return true;
  }

  // Where only most first bytes lead to a place that loops, the class's tokens are taken as well; that holds of what lies
  // behind those bytes, and in the other subtrees what was taken too much is put back.
  void choose_slice(Place place) {
    if (machine_.width(place) < wide) return;
    const unsigned char byte = machine_.widest(place);
    const Place next = machine_.step(place, byte);
    if (byte >= 0x80 || !take_slice(machine_.loop(next))) return;
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
    choose_slice(place);
    const std::span<const TokenTrie::Node> nodes = trie_.nodes();
    places_.resize(trie_.depth() + 1);
    good_.assign(trie_.depth() + 1, 0);
    places_[0] = place;
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
      if (has_enough()) return false;
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

  // The grammar is so ambiguous that a whole walk would take too long: the bytes are enough to write any text. Those that
  // there is no time left to try are taken for what the place reads.
  void walk_bytes(Place place) {
    std::ranges::fill(mask_, 0);
    if (works_) limit_ = machine_.work() + GrammarMachine::most_step_work;
    const std::span<const TokenTrie::Node> nodes = trie_.nodes();
    for (uint32_t i = 1; i < nodes.size(); i = nodes[i].end)
      if (nodes[i].token >= 0 && goes_on(place, nodes[i].label)) put(mask_, nodes[i].token);
  }

  bool goes_on(Place place, unsigned char byte) {
    return machine_.reads(place, byte) && (has_enough() || machine_.step(place, byte) != GrammarMachine::dead);
  }

  GrammarMachine& machine_;
  const TokenTrie& trie_;
  const LoopSlices& slices_;
  const std::span<uint64_t> mask_;
  uint64_t limit_;
  const bool works_;
  const TokenSlice* slice_ = nullptr;
  uint8_t most_ = 0;                        // characters of the slice's tokens that were taken
  Place looping_ = GrammarMachine::dead;    // behind the first character
  static thread_local std::vector<Place> places_;     // by depth
  static thread_local std::vector<uint32_t> classes_;
  static thread_local std::vector<uint8_t> good_;  // by depth: what was taken is right below it
};

thread_local std::vector<Place> Walk::places_;
thread_local std::vector<uint32_t> Walk::classes_;
thread_local std::vector<uint8_t> Walk::good_;

}  // namespace

LoopSlices loop_slices(const GrammarProgram& program, const TokenTrie& trie) {
  LoopSlices slices(program.classes.size());
  std::size_t count = 0;
  for (const Leaf& leaf : program.leaves) {
    if (leaf.kind != Leaf::Kind::byte || leaf.char_class == Leaf::none || !(leaf.runs || leaf.counts)) continue;
    std::shared_ptr<const TokenSlice>& slice = slices[leaf.char_class];
    if (slice || ++count > max_loop_slices) continue;
    slice = trie.slice(program.classes[leaf.char_class]);
  }
  return slices;
}

bool find_mask(GrammarMachine& machine, Place place, const TokenTrie& trie, const LoopSlices& slices, uint64_t most_work,
               std::span<uint64_t> mask) {
  return Walk(machine, trie, slices, most_work, mask).find(place);
}

}  // namespace fulmar
