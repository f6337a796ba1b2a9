// Compiles a grammar from what follows backwards, so that what goes on alike is there once.
#include "text/grammar_program.h"

#include <algorithm>
#include <unordered_map>

#include "base/fail.h"
#include "text/grammar_facts.h"
#include "text/utf8_ranges.h"

namespace fulmar {
namespace {

using GrammarKind = Grammar::Kind;
using Leaf = GrammarProgram::Leaf;

constexpr uint32_t none = UINT32_MAX;
constexpr uint32_t few_copies = 3, small_body = 8;  // a repeat of no more than these is written out
constexpr int deepest_copy = 300;                   // nodes around a rule that is put where it is called

struct Hash {
  std::size_t operator()(const std::vector<uint32_t>& words) const {
    uint64_t hash = words.size();
    for (const uint32_t word : words) hash = (hash ^ word) * 0x9e3779b97f4a7c15u ^ hash >> 29;
    return static_cast<std::size_t>(hash);
  }
};

class Compiler {
 public:
  explicit Compiler(const Grammar& grammar) : grammar_(grammar), facts_(find_facts(grammar)), rule_block_(grammar.rules.size(), none) {
    number_classes();
    for (unsigned byte = 0; byte < 256; ++byte) {
      ByteSet one;
      one.add(static_cast<unsigned char>(byte));
      program_.sets.push_back(one);
      set_of_[words_of(one)] = byte;
    }
    end_ = add_state({}, {}, true);
  }

  GrammarProgram compile() {
    if (!facts_.ends[grammar_.rules[grammar_.root].body])
      fail(ErrorKind::bad_request, "the grammar's rule \"{}\" matches no text that ends", grammar_.rules[grammar_.root].name);
    block_of_rule(grammar_.root);
    for (std::size_t i = 0; i < bodies_.size(); ++i) {  // grows
      block_now_ = static_cast<uint32_t>(i);
      known_.clear();  // leaves of characters know their block
      program_.blocks[i].start = state_of(bodies_[i], end_, 0);
    }
    for (uint32_t state = 0; state < outs_.size(); ++state) close(state);
    for (std::size_t i = 0; i < program_.leaves.size(); ++i) find_loops(static_cast<uint32_t>(i));
    for (Leaf& leaf : program_.leaves) leaf.apart = leaf.kind == Leaf::Kind::repeat && is_apart(leaf);
    order_blocks();
    return std::move(program_);
  }

 private:
  struct Outs {  // of a state, before its closure is known
    std::vector<uint32_t> leaves, states;
    bool end = false;
  };

  static std::vector<uint32_t> words_of(const ByteSet& set) {
    std::vector<uint32_t> words;
    for (const uint64_t part : set.bits) {
      words.push_back(static_cast<uint32_t>(part));
      words.push_back(static_cast<uint32_t>(part >> 32));
    }
    return words;
  }

  // Classes that are the same have one number, however often they are written down.
  void number_classes() {
    std::unordered_map<std::vector<uint32_t>, uint32_t, Hash> known;
    for (const CodePointSet& one : grammar_.classes) {
      std::vector<uint32_t> words;
      for (const CodePointSet::Range& range : one.ranges()) words.insert(words.end(), {range.first, range.last});
      const auto [at, is_new] = known.try_emplace(std::move(words), static_cast<uint32_t>(program_.classes.size()));
      if (is_new) program_.classes.push_back(one);
      class_number_.push_back(at->second);
    }
  }

  uint32_t set_number(const ByteSet& set) {
    const auto [at, is_new] = set_of_.try_emplace(words_of(set), static_cast<uint32_t>(program_.sets.size()));
    if (is_new) program_.sets.push_back(set);
    return at->second;
  }

  uint32_t add_leaf(const Leaf& leaf) {
    const std::vector<uint32_t> key{static_cast<uint32_t>(leaf.kind), leaf.set, leaf.next, leaf.block,
                                    leaf.min, leaf.max, leaf.char_class};
    const auto [at, is_new] = leaf_of_.try_emplace(key, static_cast<uint32_t>(program_.leaves.size()));
    if (is_new) {
      if (program_.leaves.size() >= max_program_leaves)
        fail(ErrorKind::bad_request, "the grammar becomes larger than {} steps; make it simpler", max_program_leaves);
      program_.leaves.push_back(leaf);
    }
    return at->second;
  }

  uint32_t add_state(std::vector<uint32_t> leaves, std::vector<uint32_t> states, bool end) {
    std::ranges::sort(leaves);
    std::ranges::sort(states);
    leaves.erase(std::ranges::unique(leaves).begin(), leaves.end());
    states.erase(std::ranges::unique(states).begin(), states.end());
    if (leaves.empty() && states.size() == 1 && !end) return states.front();
    std::vector<uint32_t> key{static_cast<uint32_t>(leaves.size()), end ? 1u : 0u};
    key.insert(key.end(), leaves.begin(), leaves.end());
    key.insert(key.end(), states.begin(), states.end());
    const auto [at, is_new] = state_of_.try_emplace(std::move(key), static_cast<uint32_t>(outs_.size()));
    if (is_new) outs_.push_back({std::move(leaves), std::move(states), end});
    return at->second;
  }

  uint32_t byte_state(uint32_t set, uint32_t next, uint32_t char_class = Leaf::none) {
    return add_state({byte_leaf(set, next, char_class)}, {}, false);
  }

  uint32_t byte_leaf(uint32_t set, uint32_t next, uint32_t char_class) {
    Leaf leaf;
    leaf.set = set;
    leaf.next = next;
    leaf.char_class = char_class;
    if (char_class != Leaf::none) leaf.block = block_now_;
    return add_leaf(leaf);
  }

  uint32_t block_of_rule(RuleId rule) {
    uint32_t& block = rule_block_[rule];
    if (block == none) block = add_block(grammar_.rules[rule].body, grammar_.rules[rule].name);
    return block;
  }

  uint32_t add_block(NodeId body, std::string name) {
    program_.blocks.push_back({0, 0, std::move(name)});
    bodies_.push_back(body);
    return static_cast<uint32_t>(bodies_.size() - 1);
  }

  // The state before `node`, where `next` is the one behind it.
  uint32_t state_of(NodeId at, uint32_t next, int depth) {
    const Grammar::Node& node = grammar_.nodes[at];
    if (depth > max_grammar_depth)
      fail(ErrorKind::bad_request, "the grammar nests deeper than {}; make it simpler", max_grammar_depth);
    switch (node.kind) {
      case GrammarKind::literal:
        for (uint32_t i = node.count; i-- > 0;)
          next = byte_state(static_cast<unsigned char>(grammar_.text[node.first + i]), next);
        return next;
      case GrammarKind::bytes: return byte_state(set_number(grammar_.sets[node.first]), next);
      default: break;
    }
    const uint64_t key = uint64_t{at} << 32 | next;
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    const uint32_t made = make_state(at, node, next, depth);
    known_[key] = made;
    return made;
  }

  uint32_t make_state(NodeId at, const Grammar::Node& node, uint32_t next, int depth) {
    switch (node.kind) {
      case GrammarKind::chars: return chars_state(class_number_[node.first], next);
      case GrammarKind::sequence:
        for (uint32_t i = node.count; i-- > 0;) next = state_of(grammar_.children[node.first + i], next, depth + 1);
        return next;
      case GrammarKind::choice: {
        std::vector<uint32_t> options;
        for (uint32_t i = 0; i < node.count; ++i) {
          const NodeId option = grammar_.children[node.first + i];
          if (facts_.ends[option]) options.push_back(state_of(option, next, depth + 1));
        }
        return add_state({}, std::move(options), false);
      }
      case GrammarKind::repeat: return repeat_state(node, next, depth);
      case GrammarKind::rule: {
        const NodeId body = grammar_.rules[node.first].body;
        if (facts_.inlined[node.first] && depth < deepest_copy) return state_of(body, next, depth + 1);
        return call_state(Leaf::Kind::call, block_of_rule(node.first), 1, 1, next, facts_.nullable[body]);
      }
      default: break;
    }
    fail(ErrorKind::internal, "node {} is of no kind", at);
  }

  uint32_t call_state(Leaf::Kind kind, uint32_t block, uint32_t min, uint32_t max, uint32_t next, bool may_skip) {
    Leaf leaf;
    leaf.kind = kind;
    leaf.next = next;
    leaf.block = block;
    leaf.min = min;
    leaf.max = max;
    leaf.last = next == end_;
    std::vector<uint32_t> skip;
    if (may_skip) skip.push_back(next);
    return add_state({add_leaf(leaf)}, std::move(skip), false);
  }

  uint32_t repeat_state(const Grammar::Node& node, uint32_t next, int depth) {
    const NodeId body = node.first;
    if (node.max == 0 || !facts_.ends[body]) return next;  // where it has to come, nothing that holds it ends
    const bool nullable = facts_.nullable[body];
    const uint32_t min = nullable ? 0 : node.min;
    const uint32_t copies = node.max == unbounded ? min : node.max;
    if (copies <= 1 || (copies <= few_copies && facts_.size[body] <= small_body)) {
      uint32_t at = next;
      if (node.max == unbounded) {  // a state of its own, which its body leads back to
        at = static_cast<uint32_t>(outs_.size());
        outs_.push_back({});
        const uint32_t again = state_of(body, at, depth + 1);
        outs_[at].states = {again, next};
      }
      for (uint32_t i = 0; i < copies; ++i) {
        at = state_of(body, at, depth + 1);
        if (copies - i > min) at = add_state({}, {at, next}, false);
      }
      return at;
    }
    auto [block, is_new] = repeat_block_.try_emplace(body, 0);
    if (is_new) block->second = add_block(body, "");
    return call_state(Leaf::Kind::repeat, block->second, min, node.max, next, min == 0);
  }

  // One character of a class: its bytes as UTF-8.
  uint32_t chars_state(uint32_t char_class, uint32_t next) {
    const Utf8Ranges ranges(program_.classes[char_class]);
    std::vector<uint32_t> states;
    uint32_t ascii = none;
    if (ranges.ascii != ByteSet{}) {
      ascii = byte_leaf(set_number(ranges.ascii), next, char_class);
      states.push_back(add_state({ascii}, {}, false));
    }
    for (const Utf8Ranges::Lead& lead : ranges.leads) states.push_back(tail_state(ranges, lead, next));
    const uint32_t whole = add_state({}, std::move(states), false);
    if (ascii != none) program_.leaves[ascii].whole = whole;
    return whole;
  }

  uint32_t tail_state(const Utf8Ranges& ranges, const Utf8Ranges::Lead& lead, uint32_t next) {
    std::vector<uint32_t> rest;
    for (uint32_t i = 0; i < lead.count; ++i) rest.push_back(tail_state(ranges, ranges.tails[lead.first + i], next));
    return byte_state(set_number(lead.bytes), rest.empty() ? next : add_state({}, std::move(rest), false));
  }

  // All leaves that a state is without reading anything.
  void close(uint32_t state) {
    if (mark_.size() < outs_.size()) mark_.resize(outs_.size(), none);
    std::vector<uint32_t> open{state}, found;
    bool end = false;
    mark_[state] = state;
    while (!open.empty()) {
      const Outs& outs = outs_[open.back()];
      open.pop_back();
      end |= outs.end;
      found.insert(found.end(), outs.leaves.begin(), outs.leaves.end());
      for (const uint32_t other : outs.states) {
        if (mark_[other] == state) continue;
        mark_[other] = state;
        open.push_back(other);
      }
    }
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
    std::vector<uint32_t>& closures = program_.closures;
    if (closures.size() + found.size() > max_program_closures)
      fail(ErrorKind::bad_request, "the grammar has too many choices that may be left out one after the other; make it simpler");
    program_.states.push_back({static_cast<uint32_t>(closures.size()), static_cast<uint32_t>(found.size()), end});
    closures.insert(closures.end(), found.begin(), found.end());
  }

  bool leads_to(uint32_t state, uint32_t leaf) const {
    return std::ranges::binary_search(program_.leaves_of(state), leaf);
  }

  void find_loops(uint32_t at) {
    Leaf& leaf = program_.leaves[at];
    if (leaf.kind != Leaf::Kind::byte) {
      const GrammarProgram::State& next = program_.states[leaf.next];
      leaf.last = next.end && next.count == 0;
    } else if (leaf.char_class != Leaf::none) {
      leaf.loops = leads_to(leaf.next, at);
      leaf.runs = std::ranges::any_of(program_.leaves_of(leaf.next), [&](uint32_t next) { return program_.leaves[next].char_class == leaf.char_class; });
      leaf.counts = program_.states[leaf.next].end && leads_to(program_.blocks[leaf.block].start, at);
    }
  }

  bool is_apart(const Leaf& repeat) const {
    uint32_t start = program_.blocks[repeat.block].start;
    if (const auto leaves = program_.leaves_of(start); leaves.size() == 1) {
      const Leaf& called = program_.leaves[leaves[0]];
      if (called.kind == Leaf::Kind::call && called.last) start = program_.blocks[called.block].start;
    }
    const std::span<const uint32_t> leaves = program_.leaves_of(start);
    const auto one = std::ranges::find_if(leaves, [&](uint32_t leaf) { return program_.leaves[leaf].counts; });
    if (one == leaves.end()) return false;
    const uint32_t whole = program_.leaves[*one].whole;
    const ByteSet first = program_.first_bytes(whole);
    const auto apart = [&](uint32_t state, bool may_be_of_it) {
      return !program_.states[state].end && std::ranges::all_of(program_.leaves_of(state), [&](uint32_t number) {
        const Leaf& leaf = program_.leaves[number];
        if (leaf.kind != Leaf::Kind::byte) return false;
        return (may_be_of_it && leads_to(whole, number)) || !program_.sets[leaf.set].meets(first);
      });
    };
    return apart(start, true) && apart(repeat.next, false);
  }

  // Blocks that are called before a byte is read come after their callers; a circle of those is a left recursion.
  void order_blocks() {
    const std::size_t count = program_.blocks.size();
    std::vector<uint32_t> callers(count);
    const auto each_called = [&](uint32_t block, auto&& visit) {
      for (const uint32_t leaf : program_.leaves_of(program_.blocks[block].start))
        if (program_.leaves[leaf].kind != Leaf::Kind::byte) visit(program_.leaves[leaf].block);
    };
    for (uint32_t block = 0; block < count; ++block) each_called(block, [&](uint32_t called) { ++callers[called]; });
    std::vector<uint32_t> free;
    for (uint32_t block = 0; block < count; ++block)
      if (callers[block] == 0) free.push_back(block);
    uint32_t ordered = 0;
    while (!free.empty()) {
      const uint32_t block = free.back();
      free.pop_back();
      program_.blocks[block].order = ordered++;
      each_called(block, [&](uint32_t called) {
        if (--callers[called] == 0) free.push_back(called);
      });
    }
    if (ordered == count) return;
    std::string name;
    for (uint32_t block = 0; block < count && name.empty(); ++block)
      if (callers[block] > 0) name = program_.blocks[block].name;
    fail(ErrorKind::bad_request,
         "the grammar's rule \"{}\" is left recursive: it calls itself before it reads anything; put what it reads first, as in "
         "list ::= item (\",\" item)*", name);
  }

  const Grammar& grammar_;
  const GrammarFacts facts_;
  GrammarProgram program_;
  std::vector<Outs> outs_;
  std::vector<NodeId> bodies_;  // of blocks
  std::vector<uint32_t> rule_block_, mark_, class_number_;
  std::unordered_map<std::vector<uint32_t>, uint32_t, Hash> set_of_, leaf_of_, state_of_;
  std::unordered_map<uint64_t, uint32_t> known_, repeat_block_;  // by node and what follows; by node
  uint32_t end_ = 0, block_now_ = 0;
};

}  // namespace

std::size_t GrammarProgram::bytes() const {
  return leaves.size() * sizeof(Leaf) + states.size() * sizeof(State) + closures.size() * sizeof(uint32_t) +
         blocks.size() * sizeof(Block) + sets.size() * sizeof(ByteSet);
}

ByteSet GrammarProgram::first_bytes(uint32_t state) const {
  ByteSet first;
  for (const uint32_t leaf : leaves_of(state))
    if (leaves[leaf].kind == Leaf::Kind::byte)
      for (std::size_t i = 0; i < first.bits.size(); ++i) first.bits[i] |= sets[leaves[leaf].set].bits[i];
  return first;
}

GrammarProgram compile_grammar(const Grammar& grammar) { return Compiler(grammar).compile(); }

}  // namespace fulmar
