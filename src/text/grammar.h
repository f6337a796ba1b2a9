// A grammar of what an answer may be, as data: rules of bytes, characters, sequences, choices and repeats.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar {

using RuleId = uint32_t;
using NodeId = uint32_t;

// Bounds on one grammar, whatever it was written in. Who goes past one is told by Error(bad_request).
constexpr std::size_t max_grammar_rules = 20'000;
constexpr std::size_t max_grammar_nodes = 200'000;  // children of sequences and choices count as well
constexpr std::size_t max_grammar_text = std::size_t{1} << 20;  // bytes of all literals together
constexpr uint32_t max_grammar_repeats = 1'000'000;             // the largest count of a repeat but unbounded
constexpr uint32_t unbounded = UINT32_MAX;
constexpr uint32_t last_code_point = 0x10FFFF;

struct ByteSet {
  std::array<uint64_t, 4> bits{};

  void add(unsigned char byte) { bits[byte >> 6] |= uint64_t{1} << (byte & 63); }
  void add(unsigned char first, unsigned char last);  // both ends included
  bool has(unsigned char byte) const { return (bits[byte >> 6] >> (byte & 63) & 1) != 0; }
  bool meets(const ByteSet& other) const;
  bool operator==(const ByteSet&) const = default;
};

// Characters of Unicode: ascending ranges that neither overlap nor touch. Surrogates are no characters.
class CodePointSet {
 public:
  struct Range {
    uint32_t first, last;  // both included
    bool operator==(const Range&) const = default;
  };

  CodePointSet() = default;
  CodePointSet(std::initializer_list<Range> ranges);
  static CodePointSet all();

  // Ranges may come in any order and overlap. What lies past U+10FFFF and surrogates are left out.
  void add(uint32_t first, uint32_t last);
  void add(uint32_t one) { add(one, one); }
  void add(const CodePointSet& other);
  CodePointSet inverted() const;
  CodePointSet without(const CodePointSet& other) const;
  CodePointSet within(const CodePointSet& other) const;  // in both
  bool has(uint32_t code_point) const;
  bool empty() const { return ranges_.empty(); }
  std::span<const Range> ranges() const { return ranges_; }
  bool operator==(const CodePointSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

struct Grammar {
  enum class Kind : uint8_t {
    literal,   // `count` bytes of `text` from `first` on; none: the empty text
    bytes,     // one byte of sets[first]
    chars,     // one character of classes[first], as UTF-8
    sequence,  // children first, ..., first + count - 1, one after the other
    choice,    // one of those children; without any: nothing matches
    repeat,    // node `first`, from `min` to `max` times
    rule,      // rules[first]
  };
  struct Node {
    Kind kind = Kind::literal;
    uint32_t first = 0, count = 0;
    uint32_t min = 0, max = 0;
  };
  struct Rule {
    std::string name;  // for messages; need not be unique
    NodeId body = 0;
  };

  std::vector<Node> nodes;
  std::vector<NodeId> children;
  std::string text;
  std::vector<ByteSet> sets;
  std::vector<CodePointSet> classes;
  std::vector<Rule> rules;
  RuleId root = 0;
};

// Makes a grammar from the leaves up. Nodes may be used in several places; rules are how a grammar refers to itself.
// The bounds above are held here: every function may throw Error(bad_request).
class GrammarBuilder {
 public:
  NodeId empty() { return literal({}); }  // the empty text
  NodeId nothing() { return choice({}); }  // no text at all
  NodeId literal(std::string_view bytes);
  NodeId bytes(const ByteSet& set);
  NodeId chars(const CodePointSet& set);
  NodeId sequence(std::span<const NodeId> parts);
  NodeId sequence(std::initializer_list<NodeId> parts) { return sequence(std::span(parts.begin(), parts.size())); }
  NodeId choice(std::span<const NodeId> options);
  NodeId choice(std::initializer_list<NodeId> options) { return choice(std::span(options.begin(), options.size())); }
  NodeId repeat(NodeId node, uint32_t min, uint32_t max);
  NodeId optional(NodeId node) { return repeat(node, 0, 1); }

  // A rule may be named and referred to before it is defined.
  RuleId rule(std::string name);
  void define(RuleId rule, NodeId body);
  bool defined(RuleId rule) const;
  NodeId reference(RuleId rule);
  // Both at once.
  NodeId ruled(std::string name, NodeId body);

  // Another whole grammar as a part of this one: its root.
  NodeId include(const Grammar& other);

  // The grammar, and this builder is empty again. All rules are defined, or it throws Error(bad_request) naming one.
  // Whether rules are left recursive, or can never end, is found when the grammar is compiled (grammar_program.h).
  Grammar build(RuleId root);
  Grammar build(NodeId root, std::string name);

 private:
  NodeId add(Grammar::Node node);
  NodeId add_list(Grammar::Kind kind, std::span<const NodeId> parts);
  void check_room() const;

  Grammar grammar_;
  std::vector<bool> defined_;
};

}  // namespace fulmar
