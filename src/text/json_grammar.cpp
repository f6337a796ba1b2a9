// Writes strings and numbers of JSON as nodes of a grammar.
#include "text/json_grammar.h"

#include "base/json_text.h"
#include "text/node_graph.h"
#include "text/schema_numbers.h"

namespace fulmar {
namespace {

ByteSet bytes_of(std::string_view bytes) {
  ByteSet set;
  for (const char byte : bytes) set.add(static_cast<unsigned char>(byte));
  return set;
}

const CodePointSet& control_characters() {
  static const CodePointSet set{{0, 0x1F}};
  return set;
}

const CodePointSet& escaped_characters() {
  static const CodePointSet set{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  return set;
}

}  // namespace

template <typename Make>
NodeId JsonGrammar::once(std::optional<RuleId>& rule, const char* name, Make make) {
  if (!rule) {
    rule = builder_.rule(name);
    builder_.define(*rule, make());
  }
  return builder_.reference(*rule);
}

NodeId JsonGrammar::space() {
  if (!spaces_) return builder_.empty();
  return once(space_, "space", [&] {
    const NodeId indent = builder_.repeat(builder_.bytes(bytes_of(" \t")), 0, max_json_indent);
    return builder_.choice(
        {builder_.empty(), builder_.literal(" "), builder_.sequence({builder_.literal("\n"), indent})});
  });
}

NodeId JsonGrammar::blank() {
  return spaces_ ? builder_.optional(builder_.literal(" ")) : builder_.empty();
}

NodeId JsonGrammar::character(const CodePointSet& set) {
  if (set == CodePointSet::all()) {
    return once(character_, "character", [&] {
      ByteSet hex = bytes_of("0123456789abcdefABCDEF");
      const NodeId digit = builder_.bytes(hex), octal = builder_.bytes(bytes_of("01234567"));
      const NodeId d = builder_.bytes(bytes_of("dD"));
      const NodeId below_d = builder_.bytes(bytes_of("0123456789abcABCefEF"));
      const NodeId pair =
          builder_.sequence({d, builder_.bytes(bytes_of("89abAB")), digit, digit, builder_.literal("\\u"), d,
                             builder_.bytes(bytes_of("cdefCDEF")), digit, digit});
      const NodeId code = builder_.choice({builder_.sequence({below_d, digit, digit, digit}),
                                           builder_.sequence({d, octal, digit, digit}), pair});
      const NodeId escape = builder_.choice(
          {builder_.bytes(bytes_of("\"\\/bfnrt")), builder_.sequence({builder_.literal("u"), code})});
      return builder_.choice({builder_.chars(escaped_characters().inverted()),
                              builder_.sequence({builder_.literal("\\"), escape})});
    });
  }
  std::vector<NodeId> options;
  const CodePointSet plain = set.without(escaped_characters());
  CodePointSet escaped = set.within(escaped_characters());
  if (!plain.empty()) options.push_back(builder_.chars(plain));
  if (escaped.within(control_characters()) == control_characters()) {
    options.push_back(once(control_, "control", [&] {
      const NodeId first =
          builder_.sequence({builder_.literal("0"), builder_.bytes(bytes_of("01234567bef"))});
      const NodeId second =
          builder_.sequence({builder_.literal("1"), builder_.bytes(bytes_of("0123456789abcdef"))});
      return builder_.sequence(
          {builder_.literal("\\"), builder_.choice({builder_.bytes(bytes_of("bfnrt")),
                                                    builder_.sequence({builder_.literal("u00"),
                                                                       builder_.choice({first, second})})})});
    }));
    escaped = escaped.without(control_characters());
  }
  for (const CodePointSet::Range& range : escaped.ranges()) {
    for (uint32_t c = range.first; c <= range.last; ++c) {
      std::string spelling;
      append_json_escaped(spelling, std::string(1, static_cast<char>(c)));
      options.push_back(builder_.literal(spelling));
    }
  }
  return builder_.choice(options);
}

NodeId JsonGrammar::graph(const TextAutomaton& texts, bool escaped, NodeId end, const std::string& name) {
  NodeGraph graph;
  for (const TextAutomaton::State& state : texts.states()) {
    NodeGraph::State& made = graph.states.emplace_back();
    made.accepts = state.accepts;
    std::vector<std::pair<uint32_t, CodePointSet>> sets;
    for (const TextAutomaton::Edge& edge : state.edges) {
      auto found = sets.begin();
      while (found != sets.end() && found->first != edge.to) ++found;
      if (found == sets.end()) found = sets.insert(found, {edge.to, {}});
      found->second.add(edge.first, edge.last);
    }
    for (const auto& [to, set] : sets)
      if (!set.empty()) made.edges.push_back({escaped ? character(set) : builder_.chars(set), to});
  }
  return add_graph(builder_, graph, end, name);
}

NodeId JsonGrammar::string_of(const TextAutomaton& texts, const std::string& name) {
  return builder_.sequence({builder_.literal("\""), graph(texts, true, builder_.literal("\""), name)});
}

NodeId JsonGrammar::string_of(uint32_t min, uint32_t max) {
  const NodeId quote = builder_.literal("\"");
  return builder_.sequence({quote, builder_.repeat(character(CodePointSet::all()), min, max), quote});
}

NodeId JsonGrammar::any_string() {
  return once(string_, "string", [&] { return string_of(0, unbounded); });
}

NodeId JsonGrammar::whole_number() {
  return once(whole_number_, "integer", [&] {
    const NodeId digit = builder_.bytes(bytes_of("0123456789"));
    const NodeId above_0 = builder_.sequence(
        {builder_.bytes(bytes_of("123456789")), builder_.repeat(digit, 0, max_answer_digits - 1)});
    return builder_.choice(
        {builder_.literal("0"), builder_.sequence({builder_.optional(builder_.literal("-")), above_0})});
  });
}

NodeId JsonGrammar::any_number() {
  return once(number_, "number", [&] {
    const NodeId digit = builder_.bytes(bytes_of("0123456789"));
    const NodeId above_0 = builder_.sequence(
        {builder_.bytes(bytes_of("123456789")), builder_.repeat(digit, 0, max_answer_digits - 1)});
    const NodeId fraction =
        builder_.sequence({builder_.literal("."), builder_.repeat(digit, 1, max_answer_digits)});
    // Up to 279, so that with 20 digits before the point it still is a double.
    const NodeId power = builder_.choice(
        {builder_.repeat(digit, 1, 2), builder_.sequence({builder_.literal("1"), digit, digit}),
         builder_.sequence({builder_.literal("2"), builder_.bytes(bytes_of("01234567")), digit})});
    const NodeId exponent = builder_.sequence(
        {builder_.bytes(bytes_of("eE")), builder_.optional(builder_.bytes(bytes_of("+-"))), power});
    return builder_.sequence({builder_.optional(builder_.literal("-")),
                              builder_.choice({builder_.literal("0"), above_0}), builder_.optional(fraction),
                              builder_.optional(exponent)});
  });
}

NodeId JsonGrammar::number_of(const TextAutomaton& spellings, const std::string& name) {
  return graph(spellings, false, builder_.empty(), name);
}

}  // namespace fulmar
