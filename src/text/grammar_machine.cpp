// Steps of the automaton with sets of stacks; see grammar_machine.h.
#include "text/grammar_machine.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "base/fail.h"

namespace fulmar {
namespace {

using Leaf = GrammarProgram::Leaf;

// Where a grammar is ambiguous beyond these, ways to read the text are left out: what is then allowed is still right.
constexpr std::size_t most_entries = 4096;  // of a place
constexpr uint64_t most_start_work = 8 * GrammarMachine::most_step_work;
constexpr uint64_t cheap_work = GrammarMachine::most_step_work / 8;
constexpr int deepest_union = 1000;

uint32_t mixed(uint32_t hash, uint32_t word) {
  hash = (hash ^ word) * 0x9e3779b1u;
  return hash ^ hash >> 15;
}

}  // namespace

GrammarMachine::GrammarMachine(std::shared_ptr<const GrammarProgram> program)
    : program_(std::move(program)), table_(1 << 10, none), ranges_(program_->classes.size()), call_below_(program_->blocks.size(), none) {
  for (const GrammarProgram::State& state : program_->states)
    largest_closure_ = std::max<std::size_t>(largest_closure_, state.count + 1);
  std::vector<Entry> nothing;
  intern(nothing, false);
  intern(nothing, true);
  ++closure_;
  enough_ = work_ + most_start_work;
  const uint32_t root = program_->blocks[0].start;
  reach(root, ended);  // the root's end is the text's
  start_ = finish_closure();
}

std::size_t GrammarMachine::bytes() const {
  constexpr std::size_t union_bytes = 48;  // with its place in the table
  return sets_.capacity() * sizeof(Set) + entries_.capacity() * sizeof(Entry) + table_.capacity() * sizeof(uint32_t) +
         rows_.capacity() * sizeof(Row) + targets_.capacity() * sizeof(Place) + (united_.size() + behind_.size()) * union_bytes + partition_bytes_ +
         call_below_.capacity() * sizeof(uint32_t) + left_.capacity() * sizeof(uint32_t);
}

uint32_t GrammarMachine::intern(std::vector<Entry>& entries, bool ends) {
  const auto less = [](const Entry& a, const Entry& b) {
    return a.leaf != b.leaf ? a.leaf < b.leaf : a.count != b.count ? a.count < b.count : a.below < b.below;
  };
  work_ += 1 + entries.size();
  if (!std::ranges::is_sorted(entries, less)) {
    work_ += entries.size() * std::bit_width(entries.size()) / 4;
    std::ranges::sort(entries, less);
  }
  // Stacks that differ only below become one entry.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (kept > 0 && entries[kept - 1].leaf == entries[i].leaf && entries[kept - 1].count == entries[i].count)
      entries[kept - 1].below = united(entries[kept - 1].below, entries[i].below);
    else
      entries[kept++] = entries[i];
  }
  if (kept > most_entries) ++cuts_;
  entries.resize(std::min(kept, most_entries));
  uint32_t hash = ends ? 1 : 0;
  for (const Entry& entry : entries) hash = mixed(mixed(mixed(hash, entry.leaf), entry.count), entry.below);
  if (sets_.size() * 2 >= table_.size()) grow_table();
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  for (; table_[at] != none; at = (at + 1) & mask) {
    const Set& set = sets_[table_[at]];
    if (set.hash == hash && set.ends == ends && std::ranges::equal(this->entries(table_[at]), entries)) return table_[at];
  }
  table_[at] = static_cast<uint32_t>(sets_.size());
  sets_.push_back({static_cast<uint32_t>(entries_.size()), static_cast<uint32_t>(entries.size()), hash, ends});
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  return table_[at];
}

void GrammarMachine::grow_table() {
  table_.assign(table_.size() * 2, none);
  const std::size_t mask = table_.size() - 1;
  for (uint32_t set = 0; set < sets_.size(); ++set) {
    std::size_t at = sets_[set].hash & mask;
    while (table_[at] != none) at = (at + 1) & mask;
    table_[at] = set;
  }
}

uint32_t GrammarMachine::single(uint32_t leaf, uint32_t count, uint32_t below) {
  single_.assign(1, {leaf, count, below});
  return intern(single_, false);
}

uint32_t GrammarMachine::united(uint32_t a, uint32_t b, int depth) {
  if (a == b || b == dead) return a;
  if (a == dead) return b;
  if (a > b) std::swap(a, b);
  const uint64_t key = uint64_t{a} << 32 | b;
  ++work_;
  if (const auto found = united_.find(key); found != united_.end()) return found->second;
  if (depth > deepest_union || tired()) {
    ++cuts_;
    return b;
  }
  const uint64_t cuts_before = cuts_;
  work_ += sets_[a].count + sets_[b].count;
  std::vector<Entry> both;
  both.reserve(sets_[a].count + sets_[b].count);
  const auto less = [](const Entry& x, const Entry& y) { return x.leaf != y.leaf ? x.leaf < y.leaf : x.count < y.count; };
  for (uint32_t i = 0, j = 0; i < sets_[a].count || j < sets_[b].count;) {
    const Entry* x = i < sets_[a].count ? &entries_[sets_[a].first + i] : nullptr;
    const Entry* y = j < sets_[b].count ? &entries_[sets_[b].first + j] : nullptr;
    if (!y || (x && less(*x, *y))) {
      both.push_back(*x);
      ++i;
    } else if (!x || less(*y, *x)) {
      both.push_back(*y);
      ++j;
    } else {
      const Entry one = *x, other = *y;  // united() below moves the entries
      both.push_back({one.leaf, one.count, united(one.below, other.below, depth + 1)});
      ++i;
      ++j;
    }
  }
  const uint32_t made = intern(both, sets_[a].ends || sets_[b].ends);
  if (cuts_ == cuts_before) united_[key] = made;
  return made;
}

// What a state reads, above these stacks.
void GrammarMachine::reach(uint32_t state, uint32_t below) {
  reach_leaves(state, below);
  if (program_->states[state].end) leave(below);
}

// A block has ended: all that it was called from go on.
void GrammarMachine::leave(uint32_t set) {
  if (left_.size() < sets_.size()) left_.resize(sets_.size() + sets_.size() / 2, 0);
  if (left_[set] == closure_) return;
  left_[set] = closure_;
  reached_end_ |= sets_[set].ends;
  const bool outermost = open_returns_.empty();
  open_returns_.push_back(set);
  if (!outermost) return;  // the loop below, which is under way, comes to it
  for (std::size_t i = 0; i < open_returns_.size(); ++i) {
    const uint32_t from = open_returns_[i];
    for (uint32_t j = 0; j < sets_[from].count; ++j) {
      if (tired()) {
        ++cuts_;
        open_returns_.clear();
        return;
      }
      const Entry entry = entries_[sets_[from].first + j];
      const Leaf& leaf = program_->leaves[entry.leaf];
      if (leaf.kind == Leaf::Kind::repeat) {
        uint32_t count = entry.count + 1;
        if (leaf.max == unbounded) count = std::min(count, leaf.min);
        if (count < leaf.max) call(entry.leaf, count, entry.below);
        if (count < leaf.min) continue;
      }
      reach(leaf.next, entry.below);
    }
  }
  open_returns_.clear();
}

void GrammarMachine::call(uint32_t at, uint32_t count, uint32_t below) {
  const Leaf& leaf = program_->leaves[at];
  // Who has nothing to do after a call is not returned to: lists that call themselves at their end stay flat.
  if (leaf.kind == Leaf::Kind::repeat || !leaf.last) below = single(at, count, below);
  uint32_t& returns = call_below_[leaf.block];
  if (returns == none) {
    calls_.push_back({program_->blocks[leaf.block].order, leaf.block});
    std::ranges::push_heap(calls_, std::greater{});
    returns = below;
  } else {
    const uint32_t all = united(returns, below);
    call_below_[leaf.block] = all;
  }
}

void GrammarMachine::begin(uint32_t block) {
  const uint32_t below = std::exchange(call_below_[block], none);
  reach_leaves(program_->blocks[block].start, below);
}

void GrammarMachine::reach_leaves(uint32_t state, uint32_t below) {
  const std::span<const uint32_t> leaves = program_->leaves_of(state);
  work_ += leaves.size() + 1;
  for (const uint32_t leaf : leaves) {
    if (program_->leaves[leaf].kind == Leaf::Kind::byte)
      reached_.push_back({leaf, 0, below});
    else
      call(leaf, 0, below);
  }
}

// Begins the blocks that are called, callers before those that they call; that a block may be empty is in the closures of
// its callers. A step that is tired still begins what it has come to, without uniting stacks, so that the text can mostly
// go on.
GrammarMachine::Place GrammarMachine::finish_closure() {
  const uint64_t last = std::max(work_, enough_) + most_step_work;
  while (!calls_.empty()) {
    std::ranges::pop_heap(calls_, std::greater{});
    const uint32_t block = calls_.back().second;
    calls_.pop_back();
    if (work_ < last) {
      begin(block);
    } else {
      call_below_[block] = none;
      ++cuts_;
    }
  }
  const Place place = intern(reached_, reached_end_);
  reached_.clear();
  reached_end_ = false;
  return place;
}

GrammarMachine::Place GrammarMachine::find_step(Place place, unsigned char byte, uint32_t target) {
  if (++closure_ == 0) {  // the marks of 2^32 steps ago are none
    std::ranges::fill(left_, 0);
    closure_ = 1;
  }
  const uint64_t begun = work_;
  enough_ = begun + most_step_work;
  for (uint32_t i = 0; i < sets_[place].count; ++i) {
    if (tired()) {
      ++cuts_;
      break;
    }
    const Entry entry = entries_[sets_[place].first + i];
    const Leaf& leaf = program_->leaves[entry.leaf];
    ++work_;
    if (program_->sets[leaf.set].has(byte)) reach(leaf.next, entry.below);
  }
  const Place next = finish_closure();
  costly_ |= work_ - begun > cheap_work || cuts_ > 0;
  targets_[target] = next;
  return next;
}

GrammarMachine::Row GrammarMachine::make_row(Place place) {
  std::vector<uint32_t>& numbers = set_numbers_;
  numbers.clear();
  for (const Entry& entry : entries(place)) numbers.push_back(program_->leaves[entry.leaf].set);
  work_ += 1 + numbers.size();
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  row_key_.assign(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(uint32_t));
  const auto [at, is_new] = partition_of_.try_emplace(row_key_, static_cast<uint32_t>(partitions_.size()));
  if (is_new) {
    // Parts are split by one set after the other.
    constexpr uint64_t split_work = 32;
    work_ += numbers.size() * split_work;
    Partition made;
    unsigned parts = 1;
    std::array<uint8_t, 256> split{};
    for (const uint32_t number : numbers) {
      const ByteSet& set = program_->sets[number];
      std::array<int, 256> inside, outside;
      inside.fill(-1);
      outside.fill(-1);
      unsigned now = 0;
      for (unsigned byte = 0; byte < 256; ++byte) {
        int& part = (set.has(static_cast<unsigned char>(byte)) ? inside : outside)[made.part_of[byte]];
        if (part < 0) part = static_cast<int>(now++);
        split[byte] = static_cast<uint8_t>(part);
      }
      made.part_of = split;
      parts = now;
    }
    made.example.resize(parts);
    made.goes_on.resize(parts);
    std::array<unsigned, 256> sizes{};
    unsigned largest = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const unsigned part = made.part_of[byte];
      if (sizes[part]++ == 0) {
        made.example[part] = static_cast<unsigned char>(byte);
        for (const uint32_t number : numbers)
          if (program_->sets[number].has(static_cast<unsigned char>(byte))) made.goes_on[part] = true;
      }
      if (!made.goes_on[part]) continue;
      ++made.width;
      if (sizes[part] > largest) {
        largest = sizes[part];
        made.widest = made.example[part];
      }
    }
    partition_bytes_ += sizeof(Partition) + 3 * parts + numbers.size() * sizeof(uint32_t) + 64;
    partitions_.push_back(std::move(made));
  }
  const Partition& partition = partitions_[at->second];
  const Row row{at->second, static_cast<uint32_t>(targets_.size())};
  for (std::size_t part = 0; part < partition.goes_on.size(); ++part)
    targets_.push_back(partition.goes_on[part] ? unknown : dead);
  sets_[place].row = static_cast<uint32_t>(rows_.size());
  rows_.push_back(row);
  return row;
}

unsigned GrammarMachine::width(Place place) { return partitions_[row_of(place).partition].width; }

unsigned char GrammarMachine::widest(Place place) { return partitions_[row_of(place).partition].widest; }

std::optional<unsigned char> GrammarMachine::forced(Place place) {
  if (may_end(place) || width(place) != 1) return {};
  return widest(place);
}

// Whether a state may call that block and be there again, or have nothing to do behind it.
bool GrammarMachine::calls(uint32_t state, uint32_t block, bool again) const {
  return std::ranges::any_of(program_->leaves_of(state), [&](uint32_t number) {
    const Leaf& leaf = program_->leaves[number];
    return leaf.kind == Leaf::Kind::call && leaf.block == block && (again ? leaf.next == state : leaf.last);
  });
}

// Whether the class of an entry's leaf is the only way to read its characters, and only as often as one repeat allows.
bool GrammarMachine::is_apart(Place place, const Entry& entry) const {
  if (sets_[entry.below].count != 1) return false;
  const Leaf& caller = program_->leaves[entries(entry.below)[0].leaf];
  if (caller.kind != Leaf::Kind::repeat || !caller.apart || caller.max == unbounded) return false;
  const uint32_t whole = program_->leaves[entry.leaf].whole;
  const ByteSet first = program_->first_bytes(whole);
  return std::ranges::all_of(entries(place), [&](const Entry& other) {
    if (other.below == entry.below && std::ranges::binary_search(program_->leaves_of(whole), other.leaf)) return true;
    return !program_->sets[program_->leaves[other.leaf].set].meets(first);
  });
}

GrammarMachine::Loop GrammarMachine::loop(Place place) {
  Loop best;
  if (costly_ || sets_[place].count * largest_closure_ > most_step_work) return best;
  const uint64_t enough = work_ + most_step_work;
  for (const Entry& entry : entries(place)) {
    const Leaf& leaf = program_->leaves[entry.leaf];
    uint32_t chars = leaf.loops ? unbounded_chars : 0;
    if (!leaf.loops && leaf.counts) {
      for (const Entry& below : entries(entry.below)) {
        if (work_ > enough) break;
        work_ += 1 + largest_closure_ / 8;
        const Leaf& caller = program_->leaves[below.leaf];
        uint32_t more = 0;
        if (caller.kind == Leaf::Kind::call)
          more = calls(caller.next, leaf.block, true) ? unbounded_chars : 0;
        else if (caller.block == leaf.block || calls(program_->blocks[caller.block].start, leaf.block, false))
          more = caller.max == unbounded ? unbounded_chars : caller.max - below.count;
        chars = std::max(chars, more);
      }
    }
    if (chars <= best.chars) continue;
    if (work_ > enough) break;
    work_ += sets_[place].count;
    best = {leaf.char_class, chars, !leaf.loops && is_apart(place, entry)};
  }
  return best;
}

void GrammarMachine::add_classes(Place place, std::vector<uint32_t>& classes) const {
  for (const Entry& entry : entries(place))
    if (const uint32_t found = program_->leaves[entry.leaf].char_class; found != Leaf::none) classes.push_back(found);
}

GrammarMachine::Place GrammarMachine::common_step(Place place, const ByteSet& bytes) {
  const Row row = row_of(place);
  Place common = unknown;
  int looked_at = -1;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!bytes.has(static_cast<unsigned char>(byte))) continue;
    const int part = partitions_[row.partition].part_of[byte];
    if (part == looked_at) continue;
    looked_at = part;
    const Place to = step(place, static_cast<unsigned char>(byte));
    if (work_ > common_enough_ || (common != unknown && to != common)) return unknown;
    common = to;
  }
  return common;
}

GrammarMachine::Place GrammarMachine::common_step(Place place, const Utf8Ranges& ranges, const Utf8Ranges::Lead& lead) {
  const Place behind = common_step(place, lead.bytes);
  if (behind == unknown || behind == dead || lead.count == 0) return behind;
  Place common = unknown;
  for (uint32_t i = 0; i < lead.count; ++i) {
    const Place to = common_step(behind, ranges, ranges.tails[lead.first + i]);
    if (to == unknown || (common != unknown && to != common)) return unknown;
    common = to;
  }
  return common;
}

std::optional<GrammarMachine::Place> GrammarMachine::behind_any(Place place, uint32_t char_class) {
  const uint64_t key = uint64_t{place} << 32 | char_class;
  const auto found = behind_.find(key);
  Place common = found != behind_.end() ? found->second : unknown;
  if (found == behind_.end()) {
    if (!ranges_[char_class]) ranges_[char_class].emplace(program_->classes[char_class]);
    const Utf8Ranges& ranges = *ranges_[char_class];
    common_enough_ = work_ + most_step_work;
    common = common_step(place, ranges.ascii);
    for (const Utf8Ranges::Lead& lead : ranges.leads) {
      const Place to = common_step(place, ranges, lead);
      if (to != common) common = unknown;
      if (common == unknown) break;
    }
    behind_.emplace(key, common);
  }
  if (common == unknown) return std::nullopt;
  return common;
}

GrammarMachine::Place GrammarMachine::adopt(const GrammarMachine& other, Place place) {
  uint64_t weight = 0;
  // From the bottom up: sets below have lower numbers than those above them.
  std::vector<uint32_t> wanted{place}, here(other.sets_.size(), none);
  std::vector<bool> seen(other.sets_.size());
  seen[place] = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    weight += 1 + other.sets_[wanted[i]].count;
    if (weight > most_weight)
      fail(ErrorKind::bad_request, "the answer is so deep in the form that was asked for that there is no memory to go on; ask for a simpler form");
    for (const Entry& entry : other.entries(wanted[i])) {
      if (seen[entry.below]) continue;
      seen[entry.below] = true;
      wanted.push_back(entry.below);
    }
  }
  std::ranges::sort(wanted);
  std::vector<Entry> entries;
  for (const uint32_t set : wanted) {
    entries.assign(other.entries(set).begin(), other.entries(set).end());
    for (Entry& entry : entries) entry.below = here[entry.below];
    here[set] = intern(entries, other.sets_[set].ends);
  }
  return here[place];
}

}  // namespace fulmar
