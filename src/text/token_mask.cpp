// The walk: where characters of one class follow each other its tokens are taken at once, and the rest is read byte by byte.
#include "text/token_mask.h"

#include <algorithm>

namespace fulmar {
namespace {

using Place = GrammarMachine::Place;
using Leaf = GrammarProgram::Leaf;

// So many of the 256 bytes make it worth looking whether a run begins behind them.
constexpr unsigned wide = 10;

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
  struct Run {
    uint32_t char_class, chars;  // so many may come
    bool ends;                   // and no more
  };

  bool has_enough() const { return machine_.work() > limit_ || machine_.bytes() > max_machine_bytes; }

  // Where all characters of a class lead to one place, from there to one, and so on, a text of such characters may come or
  // not by how many they are.
  std::optional<Run> run_at(Place place) {
    const uint32_t char_class = best_class(place);
    if (char_class == Leaf::none) return std::nullopt;
    const GrammarMachine::Loop loop = machine_.loop(place);
    Run run{char_class, loop.char_class == char_class ? loop.chars : 0, false};
    run.ends = run.chars > 0 && loop.ends;
    if (!run.ends && run.chars < TokenSlice::far) {
      uint32_t read = 0;
      for (Place at = place; read < TokenSlice::far && !has_enough(); ++read) {
        const std::optional<Place> next = machine_.behind_any(at, char_class);
        run.ends = next == GrammarMachine::dead;
        if (!next || run.ends) break;
        if (*next == at) {
          read = GrammarMachine::unbounded_chars;
          break;
        }
        at = *next;
      }
      run.chars = run.ends ? read : std::max(run.chars, read);
    }
    if (run.chars == 0) return std::nullopt;
    return run;
  }

  const TokenSlice& slice_of(const Run& run) const { return *slices_[run.char_class]; }

  // The tokens of a run before which so many characters are read.
  void take_tokens(const Run& run, uint32_t before) {
    slice_ = &slice_of(run);
    const uint32_t chars = run.ends ? run.chars + before : run.chars;
    slice_->copy_to(mask_, chars);
    endless_ = chars >= TokenSlice::other - 1;
    most_ = run.ends || endless_ ? TokenSlice::other - 1 : static_cast<uint8_t>(chars);
  }

  bool take_run(Place place) {
    const std::optional<Run> run = run_at(place);
    if (run) take_tokens(*run, 0);
    return run.has_value();
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
    places_.resize(trie_.depth() + 1);
    places_[0] = place;
    const std::span<const TrieNode> all = trie_.nodes();
    if (slice_->rest.empty() || most_ < TokenSlice::far) return walk_over(all, [&](uint32_t i) { return slice_->most[i] <= most_; });
    return walk_over(slice_->rest, [](uint32_t) { return false; }) &&
           walk_over(all, [&](uint32_t i) { return all[i].depth == 1 && slice_->first.has(all[i].label); });
  }

  template <class Decided>
  bool walk_over(std::span<const TrieNode> nodes, Decided decided) {
    for (uint32_t i = 1; i < nodes.size();) {
      const TrieNode& node = nodes[i];
      if (decided(i)) {
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

  // Where only most first bytes lead to a place from which a class's characters run on, the class's tokens are taken as
  // well; that holds of what lies behind those bytes, and in the other subtrees what was taken too much is put back.
  void choose_slice(Place place) {
    if (machine_.width(place) < wide) return;
    const unsigned char byte = machine_.widest(place);
    if (byte >= 0x80) return;
    const Place next = machine_.step(place, byte);
    const std::optional<Run> run = run_at(next);
    if (!run || !slice_of(*run).chars.has(byte)) return;
    take_tokens(*run, 1);
    looping_ = next;
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
        good_[node.depth] = good || is_good(node, from, to);
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

  // Whether the first character is read, or is on its way: a run without end may begin later too.
  bool is_good(const TrieNode& node, Place from, Place to) {
    if (to == looping_) return endless_ || node.depth == 1;
    return endless_ && node.label >= 0x80 && from == places_[0] && machine_.step(looping_, node.label) == to;
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
  uint8_t most_ = 0;                        // characters of the slice's tokens that are decided
  bool endless_ = false;                    // any number of characters may come
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
