// A grammar read by trying: slow, plain and apart from the automaton, which it is compared with; and small ways to ask.
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text/constraint.h"
#include "text/gbnf.h"
#include "text/grammar.h"
#include "text/regex.h"

namespace fulmar::test {

// Where in `text` a node may end that begins at a position: all of them.
class NaiveGrammar {
 public:
  NaiveGrammar(const Grammar& grammar, std::string_view text) : grammar_(grammar), text_(text) {}

  bool matches() { return rule_ends(grammar_.root, 0).contains(text_.size()); }

 private:
  using Ends = std::set<std::size_t>;

  Ends rule_ends(RuleId rule, std::size_t at) {
    const auto key = std::pair(rule, at);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    return known_[key] = node_ends(grammar_.rules[rule].body, at);
  }

  Ends node_ends(NodeId id, std::size_t at) {
    const Grammar::Node& node = grammar_.nodes[id];
    using enum Grammar::Kind;
    switch (node.kind) {
      case literal: {
        const std::string_view bytes = std::string_view(grammar_.text).substr(node.first, node.count);
        return text_.substr(at).starts_with(bytes) ? Ends{at + bytes.size()} : Ends{};
      }
      case bytes:
        return at < text_.size() && grammar_.sets[node.first].has(static_cast<unsigned char>(text_[at])) ? Ends{at + 1} : Ends{};
      case chars: return char_ends(grammar_.classes[node.first], at);
      case sequence: {
        Ends ends{at};
        for (uint32_t i = 0; i < node.count; ++i) ends = after(ends, grammar_.children[node.first + i]);
        return ends;
      }
      case choice: {
        Ends ends;
        for (uint32_t i = 0; i < node.count; ++i) ends.merge(node_ends(grammar_.children[node.first + i], at));
        return ends;
      }
      case repeat: {
        Ends ends, now{at};
        for (uint32_t i = 0; i <= node.max && !now.empty(); ++i) {
          if (i >= node.min) {
            const std::size_t before = ends.size();
            ends.insert(now.begin(), now.end());
            if (i > node.min && ends.size() == before) break;
          }
          if (i > text_.size() + 1 && i > node.min) break;
          now = after(now, node.first);
        }
        return ends;
      }
      case rule: return rule_ends(node.first, at);
    }
    return {};
  }

  Ends after(const Ends& starts, NodeId node) {
    Ends ends;
    for (const std::size_t start : starts) ends.merge(node_ends(node, start));
    return ends;
  }

  Ends char_ends(const CodePointSet& set, std::size_t at) const {
    for (std::size_t length = 1; length <= 4 && at + length <= text_.size(); ++length) {
      const std::string_view bytes = text_.substr(at, length);
      const auto first = static_cast<unsigned char>(bytes[0]);
      uint32_t code = length == 1 ? first : first & (0x7Fu >> length);
      for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3Fu);
      if (encoded(code) == bytes && set.has(code)) return {at + length};
    }
    return {};
  }

  static std::string encoded(uint32_t code) {
    std::string text;
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) text += static_cast<char>(0xC0 | code >> 6);
    if (code >= 0x800 && code < 0x10000) text += static_cast<char>(0xE0 | code >> 12);
    if (code >= 0x10000) text += static_cast<char>(0xF0 | code >> 18);
    if (code >= 0x10000) text += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    if (code >= 0x800) text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    return text + static_cast<char>(0x80 | (code & 0x3F));
  }

  const Grammar& grammar_;
  const std::string_view text_;
  std::map<std::pair<RuleId, std::size_t>, Ends> known_;
};

inline Grammar regex_grammar(std::string_view pattern, bool whole = true) {
  GrammarBuilder builder;
  RegexOptions options;
  options.whole = whole;
  const NodeId node = add_regex(builder, pattern, options);
  return builder.build(node, "root");
}

// Whether the automaton reads the whole text.
inline bool accepts(const Grammar& grammar, std::string_view text) {
  GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
  GrammarMachine::Place place = machine.start();
  for (const char byte : text) place = machine.step(place, static_cast<unsigned char>(byte));
  return machine.may_end(place);
}

// Whether any text goes on so.
inline bool begins(const Grammar& grammar, std::string_view text) {
  GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
  GrammarMachine::Place place = machine.start();
  for (const char byte : text) place = machine.step(place, static_cast<unsigned char>(byte));
  return place != GrammarMachine::dead;
}

inline bool has(const TokenSet& set, Token token) {
  const auto at = static_cast<std::size_t>(token);
  return (set[at >> 6] >> (at & 63) & 1) != 0;
}

inline std::vector<Token> listed(const TokenSet& set) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < set.size() * 64; ++i)
    if (has(set, static_cast<Token>(i))) tokens.push_back(static_cast<Token>(i));
  return tokens;
}

// JSON with any values, as llama.cpp's grammars have it.
inline constexpr const char* json_gbnf = R"(
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
)";

}  // namespace fulmar::test
