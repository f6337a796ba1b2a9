// Reads bytes by a grammar: every way in which they can be read so far is one number, and each is worked out once.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/grammar_program.h"
#include "text/utf8_ranges.h"

namespace fulmar {

// A place in a text: all stacks of calls that the grammar may be in there, shared and kept once (hash-consed). Places of
// equal futures mostly have equal numbers, and what a byte does to a place is kept. Not thread-safe.
//
// A set of stacks is a set of entries (leaf, count, stacks below it): the top of a place is leaves that read bytes; below
// are calls and repeats to return to, with how often the repeat was through. Sets that agree on top of what lies below are
// merged, so ambiguous grammars take no more stacks than the text has bytes. `ends` is the stack that is empty.
class GrammarMachine {
 public:
  using Place = uint32_t;
  static constexpr Place dead = 0;     // no text of the grammar goes on so
  static constexpr Place ended = 1;    // the text is whole, and nothing may follow
  static constexpr uint32_t unbounded_chars = 1 << 30;  // of Loop
  static constexpr uint64_t most_step_work = 32'768;
  static constexpr uint64_t most_weight = 65'536;  // of a place that is taken along: sets and their entries

  explicit GrammarMachine(std::shared_ptr<const GrammarProgram> program);

  Place start() const { return start_; }
  // The place behind one more byte.
  Place step(Place place, unsigned char byte) {
    const Row row = row_of(place);
    const uint32_t at = row.first + partitions_[row.partition].part_of[byte];
    const Place known = targets_[at];
    return known != unknown ? known : find_step(place, byte, at);
  }
  // Whether the text may end here.
  bool may_end(Place place) const { return sets_[place].ends; }
  // The one byte that may follow, where the text may not end and no other byte goes on.
  std::optional<unsigned char> forced(Place place);
  // How many of the 256 bytes may follow.
  unsigned width(Place place);
  // The byte that stands for most of those that may follow; with a width above 0.
  unsigned char widest(Place place);

  // Of places where any text of a class's characters may come: so many of them at least. None is found once a step was costly,
  // since a token of those characters takes several steps that nobody has looked at.
  struct Loop {
    uint32_t char_class = GrammarProgram::Leaf::none;  // none: there is no such class
    uint32_t chars = 0;
    bool ends = false;  // and no more
  };
  Loop loop(Place place);
  // The classes whose characters may come next, as far as ASCII has some of them; a class may come twice.
  void add_classes(Place place, std::vector<uint32_t>& classes) const;
  // The place behind any one character of a class, where it is the same behind all of them (dead: none may come) and found
  // with no more work than a step.
  std::optional<Place> behind_any(Place place, uint32_t char_class);
  // Whether a byte is one that the place reads, without a step: it leads to no dead place, but where ways were left out.
  bool reads(Place place, unsigned char byte) {
    const Partition& partition = partitions_[row_of(place).partition];
    return partition.goes_on[partition.part_of[byte]];
  }

  // What all this has cost so far, in stacks, leaves and entries of sets looked at: some 10 ns each. For callers who bound it;
  // one step takes no more than twice most_step_work.
  uint64_t work() const { return work_; }
  // How often a step has left out ways to read the text because it would have cost more.
  uint64_t cuts() const { return cuts_; }
  std::size_t bytes() const;  // of memory, about
  const GrammarProgram& program() const { return *program_; }
  // The place of another machine of the same program, here. Throws Error(bad_request) where it is of too many stacks.
  Place adopt(const GrammarMachine& other, Place place);

 private:
  struct Entry {
    uint32_t leaf, count;
    uint32_t below;  // set
    bool operator==(const Entry&) const = default;
  };
  struct Set {
    uint32_t first = 0, count = 0;  // in entries_
    uint32_t hash = 0;
    bool ends = false;
    uint32_t row = none;
  };
  // The bytes in parts, of which a place treats all alike.
  struct Partition {
    std::array<uint8_t, 256> part_of{};
    std::vector<unsigned char> example;  // by part
    std::vector<bool> goes_on;
    unsigned width = 0;
    unsigned char widest = 0;
  };
  struct Row {
    uint32_t partition = 0, first = 0;  // first: in targets_
  };
  static constexpr uint32_t none = UINT32_MAX;
  static constexpr Place unknown = UINT32_MAX;

  std::span<const Entry> entries(uint32_t set) const {
    return std::span(entries_).subspan(sets_[set].first, sets_[set].count);
  }
  Row row_of(Place place) {
    const uint32_t row = sets_[place].row;
    return row != none ? rows_[row] : make_row(place);
  }
  Row make_row(Place place);
  Place find_step(Place place, unsigned char byte, uint32_t target);
  // The set of these entries, which are put in order first.
  uint32_t intern(std::vector<Entry>& entries, bool ends);
  uint32_t united(uint32_t a, uint32_t b, int depth = 0);
  uint32_t single(uint32_t leaf, uint32_t count, uint32_t below);
  void grow_table();
  // The closure under way: reached_ and calls_ grow.
  void reach(uint32_t state, uint32_t below);
  void reach_leaves(uint32_t state, uint32_t below);
  void leave(uint32_t set);
  void call(uint32_t leaf, uint32_t count, uint32_t below);
  Place finish_closure();
  void begin(uint32_t block);
  bool tired() const { return work_ >= enough_; }
  bool is_apart(Place place, const Entry& entry) const;
  bool calls(uint32_t state, uint32_t block, bool again) const;
  // Where all of these bytes, or characters, lead to; unknown: not to one place.
  Place common_step(Place place, const ByteSet& bytes);
  Place common_step(Place place, const Utf8Ranges& ranges, const Utf8Ranges::Lead& lead);

  std::shared_ptr<const GrammarProgram> program_;
  std::vector<Set> sets_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> table_;  // of sets by hash; open addressing
  std::vector<Row> rows_;
  std::vector<Place> targets_;
  std::vector<Partition> partitions_;
  std::unordered_map<std::string, uint32_t> partition_of_;  // by the numbers of the leaves' byte sets
  std::unordered_map<uint64_t, uint32_t> united_;
  std::vector<std::optional<Utf8Ranges>> ranges_;       // by class
  std::unordered_map<uint64_t, Place> behind_;          // by place and class; unknown: not one place
  std::vector<Entry> reached_, single_;
  std::vector<uint32_t> set_numbers_;  // of make_row()
  std::string row_key_;
  std::vector<uint32_t> open_returns_;  // sets that the closure under way returns to
  std::vector<std::pair<uint32_t, uint32_t>> calls_;  // a heap of (order, block)
  std::vector<uint32_t> call_below_;                  // by block: the stacks it returns to; none: it is not in calls_
  std::vector<uint32_t> left_;                        // by set: the closure that has returned to it
  uint32_t closure_ = 0;
  bool reached_end_ = false, costly_ = false;
  uint64_t work_ = 0, cuts_ = 0;
  uint64_t enough_ = 0, common_enough_ = 0;  // work, for the step under way, and for where characters lead to
  std::size_t partition_bytes_ = 0;
  std::size_t largest_closure_ = 0;
  Place start_ = dead;
};

}  // namespace fulmar
