// Facts by propagation from the leaves up: each node is looked at once for each of its parts.
#include "text/grammar_facts.h"

#include <algorithm>

namespace fulmar {
namespace {

using GrammarKind = Grammar::Kind;

constexpr uint32_t small_rule = 40, character_leaves = 8, huge = 1 << 20;
constexpr uint32_t tiny_rule = 8, most_copies = 320;  // of a rule, in leaves of all of them
constexpr int deepest_look = 200;  // rules in rules

// Which nodes hold, where `leaf` says so of leaves, a sequence and what is called need all their parts to hold, a choice
// one, and a repeat nothing where it may be skipped.
template <class LeafHolds>
std::vector<bool> spread(const Grammar& grammar, LeafHolds leaf) {
  const std::size_t count = grammar.nodes.size();
  std::vector<uint32_t> missing(count), begin(count + 1);
  std::vector<NodeId> users, found;
  const auto each_part = [&](NodeId at, auto&& visit) {
    const Grammar::Node& node = grammar.nodes[at];
    if (node.kind == GrammarKind::sequence || node.kind == GrammarKind::choice) {
      for (uint32_t i = 0; i < node.count; ++i) visit(grammar.children[node.first + i]);
    } else if (node.kind == GrammarKind::repeat) {
      visit(node.first);
    } else if (node.kind == GrammarKind::rule) {
      visit(grammar.rules[node.first].body);
    }
  };
  for (NodeId at = 0; at < count; ++at) each_part(at, [&](NodeId part) { ++begin[part + 1]; });
  for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
  users.resize(begin[count]);
  std::vector<uint32_t> fill(begin.begin(), begin.end() - 1);
  for (NodeId at = 0; at < count; ++at) each_part(at, [&](NodeId part) { users[fill[part]++] = at; });
  std::vector<bool> holds(count);
  for (NodeId at = 0; at < count; ++at) {
    const Grammar::Node& node = grammar.nodes[at];
    switch (node.kind) {
      case GrammarKind::literal:
      case GrammarKind::bytes:
      case GrammarKind::chars: missing[at] = leaf(node) ? 0 : huge; break;
      case GrammarKind::sequence: missing[at] = node.count; break;
      case GrammarKind::repeat: missing[at] = node.min == 0 ? 0 : 1; break;
      case GrammarKind::choice:
      case GrammarKind::rule: missing[at] = 1; break;
    }
    if (missing[at] == 0) found.push_back(at);
  }
  while (!found.empty()) {
    const NodeId at = found.back();
    found.pop_back();
    if (holds[at]) continue;
    holds[at] = true;
    for (uint32_t i = begin[at]; i < begin[at + 1]; ++i) {
      uint32_t& left = missing[users[i]];
      if (left > 0 && left < huge && --left == 0) found.push_back(users[i]);
    }
  }
  return holds;
}

bool is_ascii(const CodePointSet& set) { return set.empty() || set.ranges().back().last < 0x80; }

uint32_t capped(uint64_t size) { return static_cast<uint32_t>(std::min<uint64_t>(size, huge)); }

// Looks through the rules in depth; one that is met while it is being looked at is in a circle.
class Sizes {
 public:
  Sizes(const Grammar& grammar, GrammarFacts& facts) : grammar_(grammar), facts_(facts), uses_(grammar.rules.size()) {
    facts_.inlined.assign(grammar.rules.size(), false);
    facts_.size.assign(grammar.nodes.size(), 0);
    seen_.assign(grammar.rules.size(), Seen::not_yet);
    count_uses();
    for (RuleId rule = 0; rule < grammar.rules.size(); ++rule)
      if (seen_[rule] == Seen::not_yet) look(rule, 0);
  }

 private:
  enum class Seen : uint8_t { not_yet, under_way, circle, done };

  // In all the places where a node stands that refers to a rule: what nodes are made of has lower numbers than they.
  void count_uses() {
    std::vector<uint32_t> times(grammar_.nodes.size());
    for (const Grammar::Rule& rule : grammar_.rules) times[rule.body] = capped(uint64_t{times[rule.body]} + 1);
    for (std::size_t at = times.size(); at-- > 0;) {
      const Grammar::Node& node = grammar_.nodes[at];
      const auto add = [&](uint32_t& to) { to = capped(uint64_t{to} + times[at]); };
      if (node.kind == GrammarKind::rule) add(uses_[node.first]);
      if (node.kind == GrammarKind::repeat) add(times[node.first]);
      if (node.kind == GrammarKind::sequence || node.kind == GrammarKind::choice)
        for (uint32_t i = 0; i < node.count; ++i) add(times[grammar_.children[node.first + i]]);
    }
  }

  void look(RuleId rule, int depth) {
    seen_[rule] = Seen::under_way;
    const uint32_t size = look_at(grammar_.rules[rule].body, depth);
    const bool in_circle = seen_[rule] == Seen::circle;
    seen_[rule] = Seen::done;
    const bool small = size <= tiny_rule || (size <= small_rule && uint64_t{size} * uses_[rule] <= most_copies);
    facts_.inlined[rule] = !in_circle && depth < deepest_look && (small || (uses_[rule] == 1 && size < huge));
  }

  uint32_t look_at(NodeId at, int depth) {
    uint32_t& known = facts_.size[at];
    const Grammar::Node& node = grammar_.nodes[at];
    if (known != 0 && node.kind != GrammarKind::rule) return known;
    if (depth > max_grammar_depth_looked) return huge;
    uint64_t size = 0;
    switch (node.kind) {
      case GrammarKind::literal: size = node.count; break;
      case GrammarKind::bytes: size = 1; break;
      case GrammarKind::chars: size = is_ascii(grammar_.classes[node.first]) ? 1 : character_leaves; break;
      case GrammarKind::sequence:
      case GrammarKind::choice:
        for (uint32_t i = 0; i < node.count; ++i) size += look_at(grammar_.children[node.first + i], depth + 1);
        break;
      case GrammarKind::repeat: size = look_at(node.first, depth + 1) + 1; break;
      case GrammarKind::rule:
        if (seen_[node.first] == Seen::not_yet && depth < deepest_look) look(node.first, depth + 1);
        if (seen_[node.first] == Seen::under_way) seen_[node.first] = Seen::circle;
        size = facts_.inlined[node.first] ? facts_.size[grammar_.rules[node.first].body] : 1;
        break;
    }
    known = capped(std::max<uint64_t>(size, 1));
    return known;
  }

  static constexpr int max_grammar_depth_looked = 2 * deepest_look;
  const Grammar& grammar_;
  GrammarFacts& facts_;
  std::vector<uint32_t> uses_;
  std::vector<Seen> seen_;
};

}  // namespace

GrammarFacts find_facts(const Grammar& grammar) {
  GrammarFacts facts;
  facts.ends = spread(grammar, [&](const Grammar::Node& node) {
    if (node.kind == GrammarKind::bytes) return grammar.sets[node.first] != ByteSet{};
    return node.kind != GrammarKind::chars || !grammar.classes[node.first].empty();
  });
  facts.nullable = spread(grammar, [](const Grammar::Node& node) { return node.kind == GrammarKind::literal && node.count == 0; });
  Sizes(grammar, facts);
  return facts;
}

}  // namespace fulmar
