// Sets of characters, and the builder that makes grammars within their bounds.
#include "text/grammar.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr uint32_t first_surrogate = 0xD800, last_surrogate = 0xDFFF;

}  // namespace

void ByteSet::add(unsigned char first, unsigned char last) {
  for (unsigned byte = first; byte <= last; ++byte) add(static_cast<unsigned char>(byte));
}

bool ByteSet::meets(const ByteSet& other) const {
  for (std::size_t i = 0; i < bits.size(); ++i)
    if ((bits[i] & other.bits[i]) != 0) return true;
  return false;
}

CodePointSet::CodePointSet(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range.first, range.last);
}

CodePointSet CodePointSet::all() { return {{0, last_code_point}}; }

void CodePointSet::add(uint32_t first, uint32_t last) {
  last = std::min(last, last_code_point);
  if (first > last) return;
  if (first <= last_surrogate && last >= first_surrogate) {
    if (first < first_surrogate) add(first, first_surrogate - 1);
    if (last > last_surrogate) add(last_surrogate + 1, last);
    return;
  }
  // Those that overlap or touch the new one become part of it; across the surrogates nothing touches.
  auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                                [](const Range& range, uint32_t value) { return range.last + 1 < value; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
  }
  begin = ranges_.erase(begin, end);
  ranges_.insert(begin, Range{first, last});
}

void CodePointSet::add(const CodePointSet& other) {
  for (const Range& range : other.ranges_) add(range.first, range.last);
}

CodePointSet CodePointSet::inverted() const {
  CodePointSet rest;
  uint32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) rest.add(next, range.first - 1);
    next = range.last + 1;
  }
  rest.add(next, last_code_point);
  return rest;
}

CodePointSet CodePointSet::without(const CodePointSet& other) const { return within(other.inverted()); }

CodePointSet CodePointSet::within(const CodePointSet& other) const {
  CodePointSet both;
  for (std::size_t i = 0, j = 0; i < ranges_.size() && j < other.ranges_.size();) {
    const Range &a = ranges_[i], &b = other.ranges_[j];
    const uint32_t first = std::max(a.first, b.first), last = std::min(a.last, b.last);
    if (first <= last) both.ranges_.push_back({first, last});
    (a.last < b.last ? i : j) += 1;
  }
  return both;
}

bool CodePointSet::has(uint32_t code_point) const {
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), code_point,
                                   [](const Range& range, uint32_t value) { return range.last < value; });
  return at != ranges_.end() && at->first <= code_point;
}

void GrammarBuilder::check_room() const {
  if (grammar_.nodes.size() + grammar_.children.size() > max_grammar_nodes)
    fail(ErrorKind::bad_request, "the grammar has more than {} parts; make it simpler", max_grammar_nodes);
}

NodeId GrammarBuilder::add(Grammar::Node node) {
  grammar_.nodes.push_back(node);
  check_room();
  return static_cast<NodeId>(grammar_.nodes.size() - 1);
}

NodeId GrammarBuilder::literal(std::string_view bytes) {
  if (grammar_.text.size() + bytes.size() > max_grammar_text)
    fail(ErrorKind::bad_request, "the grammar's literal texts have more than {} bytes together", max_grammar_text);
  const auto first = static_cast<uint32_t>(grammar_.text.size());
  grammar_.text += bytes;
  return add({Grammar::Kind::literal, first, static_cast<uint32_t>(bytes.size())});
}

NodeId GrammarBuilder::bytes(const ByteSet& set) {
  grammar_.sets.push_back(set);
  return add({Grammar::Kind::bytes, static_cast<uint32_t>(grammar_.sets.size() - 1)});
}

NodeId GrammarBuilder::chars(const CodePointSet& set) {
  // The same few classes come again and again; the newest ones are looked at.
  const std::size_t size = grammar_.classes.size();
  for (std::size_t i = size; i > size - std::min<std::size_t>(size, 16); --i) {
    if (grammar_.classes[i - 1] == set) return add({Grammar::Kind::chars, static_cast<uint32_t>(i - 1)});
  }
  grammar_.classes.push_back(set);
  return add({Grammar::Kind::chars, static_cast<uint32_t>(grammar_.classes.size() - 1)});
}

NodeId GrammarBuilder::add_list(Grammar::Kind kind, std::span<const NodeId> parts) {
  const auto first = static_cast<uint32_t>(grammar_.children.size());
  grammar_.children.insert(grammar_.children.end(), parts.begin(), parts.end());
  return add({kind, first, static_cast<uint32_t>(parts.size())});
}

NodeId GrammarBuilder::sequence(std::span<const NodeId> parts) {
  if (parts.size() == 1) return parts.front();
  return add_list(Grammar::Kind::sequence, parts);
}

NodeId GrammarBuilder::choice(std::span<const NodeId> options) {
  if (options.size() == 1) return options.front();
  return add_list(Grammar::Kind::choice, options);
}

NodeId GrammarBuilder::repeat(NodeId node, uint32_t min, uint32_t max) {
  if (min > max) return nothing();
  if (min > max_grammar_repeats || (max != unbounded && max > max_grammar_repeats))
    fail(ErrorKind::bad_request, "the grammar repeats something more than {} times", max_grammar_repeats);
  if (min == 1 && max == 1) return node;
  return add({Grammar::Kind::repeat, node, 0, min, max});
}

RuleId GrammarBuilder::rule(std::string name) {
  if (grammar_.rules.size() >= max_grammar_rules)
    fail(ErrorKind::bad_request, "the grammar has more than {} rules", max_grammar_rules);
  grammar_.rules.push_back({std::move(name), 0});
  defined_.push_back(false);
  return static_cast<RuleId>(grammar_.rules.size() - 1);
}

void GrammarBuilder::define(RuleId rule, NodeId body) {
  grammar_.rules.at(rule).body = body;
  defined_.at(rule) = true;
}

bool GrammarBuilder::defined(RuleId rule) const { return defined_.at(rule); }

NodeId GrammarBuilder::reference(RuleId rule) { return add({Grammar::Kind::rule, rule}); }

NodeId GrammarBuilder::ruled(std::string name, NodeId body) {
  const RuleId made = rule(std::move(name));
  define(made, body);
  return reference(made);
}

NodeId GrammarBuilder::include(const Grammar& other) {
  if (grammar_.text.size() + other.text.size() > max_grammar_text)
    fail(ErrorKind::bad_request, "the grammar's literal texts have more than {} bytes together", max_grammar_text);
  const auto nodes = static_cast<uint32_t>(grammar_.nodes.size()), text = static_cast<uint32_t>(grammar_.text.size());
  const auto children = static_cast<uint32_t>(grammar_.children.size());
  const auto sets = static_cast<uint32_t>(grammar_.sets.size());
  const auto classes = static_cast<uint32_t>(grammar_.classes.size());
  const auto rules = static_cast<uint32_t>(grammar_.rules.size());
  for (const Grammar::Rule& one : other.rules) define(rule(one.name), one.body + nodes);
  grammar_.text += other.text;
  grammar_.sets.insert(grammar_.sets.end(), other.sets.begin(), other.sets.end());
  grammar_.classes.insert(grammar_.classes.end(), other.classes.begin(), other.classes.end());
  for (const NodeId child : other.children) grammar_.children.push_back(child + nodes);
  for (Grammar::Node node : other.nodes) {
    using enum Grammar::Kind;
    switch (node.kind) {
      case literal: node.first += text; break;
      case bytes: node.first += sets; break;
      case chars: node.first += classes; break;
      case sequence:
      case choice: node.first += children; break;
      case repeat: node.first += nodes; break;
      case rule: node.first += rules; break;
    }
    grammar_.nodes.push_back(node);
  }
  check_room();
  return reference(other.root + rules);
}

Grammar GrammarBuilder::build(RuleId root) {
  for (std::size_t i = 0; i < defined_.size(); ++i) {
    if (!defined_[i])
      fail(ErrorKind::bad_request, "the grammar refers to the rule \"{}\", which it does not define",
           grammar_.rules[i].name);
  }
  grammar_.root = root;
  defined_.clear();
  Grammar done = std::move(grammar_);
  grammar_ = {};
  return done;
}

Grammar GrammarBuilder::build(NodeId root, std::string name) {
  const RuleId made = rule(std::move(name));
  define(made, root);
  return build(made);
}

}  // namespace fulmar
