// Whether the automaton of a grammar reads a text, and texts made up by chance: from the grammar's nodes, and byte by byte.
#pragma once
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar.h"
#include "text/grammar_machine.h"

namespace fulmar {

inline std::string utf8_of(uint32_t c) {
  std::string bytes;
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  static constexpr unsigned lead[] = {0, 0xC0, 0xE0, 0xF0};
  bytes += static_cast<char>(lead[more] | c >> (6 * more));
  for (int i = more; i-- > 0;) bytes += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
  return bytes;
}

class GrammarReader {
 public:
  explicit GrammarReader(const Grammar& grammar)
      : machine_(std::make_shared<const GrammarProgram>(compile_grammar(grammar))) {}

  bool matches(std::string_view text) {
    GrammarMachine::Place place = machine_.start();
    for (const char byte : text) place = machine_.step(place, static_cast<unsigned char>(byte));
    return machine_.may_end(place);
  }

  // Any of the bytes that may follow, each as likely; after `patience` of them the end, or what closes something, where it
  // may follow. Empty where there is no end after thousands.
  std::string walk(std::mt19937_64& random, std::size_t patience) {
    std::string text;
    for (GrammarMachine::Place place = machine_.start(); text.size() < 4000;) {
      std::string open;
      for (unsigned byte = 0; byte < 256; ++byte)
        if (machine_.step(place, static_cast<unsigned char>(byte)) != GrammarMachine::dead) open += static_cast<char>(byte);
      if (machine_.may_end(place) && (open.empty() || text.size() >= patience || random() % 4 == 0)) return text;
      char next = open[random() % open.size()];
      if (text.size() >= patience) {
        const std::size_t closing = open.find_first_of("\"]}");
        if (closing != open.npos && random() % 8 != 0) next = open[closing];
      }
      text += next;
      place = machine_.step(place, static_cast<unsigned char>(next));
    }
    return {};
  }

 private:
  GrammarMachine machine_;
};

// Texts of a grammar by chance; once `patience` choices are made, the shortest way out is taken.
class GrammarWalker {
 public:
  GrammarWalker(const Grammar& grammar, uint64_t seed) : grammar_(grammar), random_(seed) {
    shortest_.assign(grammar.nodes.size(), never);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < grammar.nodes.size(); ++i) {
        const uint64_t length = length_of(grammar.nodes[i]);
        if (length < shortest_[i]) shortest_[i] = length, changed = true;
      }
    }
  }

  std::string walk(int patience) {
    patience_ = patience;
    out_.clear();
    put(grammar_.rules[grammar_.root].body);
    return out_;
  }

 private:
  static constexpr uint64_t never = 1'000'000'000;

  uint64_t length_of(const Grammar::Node& node) const {
    uint64_t length = 0;
    switch (node.kind) {
      case Grammar::Kind::literal:
        return node.count;
      case Grammar::Kind::bytes:
      case Grammar::Kind::chars:
        return 1;
      case Grammar::Kind::sequence:
        for (uint32_t i = 0; i < node.count; ++i) length += shortest_[grammar_.children[node.first + i]];
        break;
      case Grammar::Kind::choice:
        length = never;
        for (uint32_t i = 0; i < node.count; ++i)
          length = std::min(length, shortest_[grammar_.children[node.first + i]]);
        break;
      case Grammar::Kind::repeat:
        length = node.min * shortest_[node.first];
        break;
      case Grammar::Kind::rule:
        length = shortest_[grammar_.rules[node.first].body] + 1;
        break;  // no circles
    }
    return std::min(length, never);
  }

  uint32_t below(uint64_t limit) { return static_cast<uint32_t>(random_() % limit); }

  void put(NodeId id) {
    const Grammar::Node& node = grammar_.nodes[id];
    switch (node.kind) {
      case Grammar::Kind::literal:
        out_ += grammar_.text.substr(node.first, node.count);
        break;
      case Grammar::Kind::bytes: {
        std::string all;
        for (unsigned b = 0; b < 256; ++b)
          if (grammar_.sets[node.first].has(static_cast<unsigned char>(b))) all += static_cast<char>(b);
        out_ += all[below(all.size())];
        break;
      }
      case Grammar::Kind::chars: {
        const auto ranges = grammar_.classes[node.first].ranges();
        const CodePointSet::Range& range = ranges[below(3) == 0 ? below(ranges.size()) : 0];
        const uint32_t count = range.last - range.first + 1;
        out_ += utf8_of(range.first + below(below(4) == 0 ? count : std::min<uint32_t>(count, 90)));
        break;
      }
      case Grammar::Kind::sequence:
        for (uint32_t i = 0; i < node.count; ++i) put(grammar_.children[node.first + i]);
        break;
      case Grammar::Kind::choice: {
        --patience_;
        std::vector<NodeId> open;
        for (uint32_t i = 0; i < node.count; ++i) {
          const NodeId child = grammar_.children[node.first + i];
          if (shortest_[child] < never && (patience_ > 0 || shortest_[child] == shortest_[id]))
            open.push_back(child);
        }
        put(open[below(open.size())]);
        break;
      }
      case Grammar::Kind::repeat: {
        uint32_t times = node.min;
        if (shortest_[node.first] < never)
          while (patience_ > 0 && times < node.max && below(3) != 0) ++times, --patience_;
        for (uint32_t i = 0; i < times; ++i) put(node.first);
        break;
      }
      case Grammar::Kind::rule:
        put(grammar_.rules[node.first].body);
        break;
    }
  }

  const Grammar& grammar_;
  std::mt19937_64 random_;
  std::vector<uint64_t> shortest_;
  int patience_ = 0;
  std::string out_;
};

}  // namespace fulmar
