// Finite automata over the characters of a text: sets of strings that can be joined, cut and taken from each
// other.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar.h"

namespace fulmar {

// The largest automaton that is made, also on the way to a smaller one, and the sum of what makes it up.
constexpr std::size_t max_automaton_states = 8192;

// While one lives, what its thread does with automata counts, in steps of about 50 ns: past `steps` it is
// refused with Error(bad_request), so that a text of a few bytes cannot cost minutes.
class StepBudget {
 public:
  explicit StepBudget(std::size_t steps);
  ~StepBudget();
  StepBudget(const StepBudget&) = delete;
  static void spend(std::size_t steps);

 private:
  std::size_t steps_, left_;
  StepBudget* before_;
};

// A set of texts. It is the smallest automaton of its language, numbered in one way, so that equal sets
// compare equal. Whatever would have more than max_automaton_states is refused with Error(bad_request).
class TextAutomaton {
 public:
  struct Edge {
    uint32_t first, last;  // code points, both included
    uint32_t to;
    bool operator==(const Edge&) const = default;
  };
  struct State {
    bool accepts = false;
    std::vector<Edge> edges;  // ascending, none overlaps; what has no edge is not in the set
    bool operator==(const State&) const = default;
  };

  TextAutomaton() : states_(1) {}  // the empty set
  // Any deterministic automaton; state 0 is where texts begin.
  explicit TextAutomaton(std::vector<State> states);

  static TextAutomaton anything();
  static TextAutomaton one_of(std::span<const std::string> texts);  // UTF-8
  static TextAutomaton of_length(uint32_t min, uint32_t max);       // in characters; max may be `unbounded`
  // What a node of a grammar whose rules do not refer to themselves matches.
  static TextAutomaton of(const Grammar& grammar);

  bool empty() const { return !states_[0].accepts && states_[0].edges.empty(); }
  bool has(std::string_view text) const;
  std::span<const State> states() const { return states_; }
  bool operator==(const TextAutomaton&) const = default;

 private:
  std::vector<State> states_;
};

TextAutomaton operator&(const TextAutomaton& a, const TextAutomaton& b);
TextAutomaton operator|(const TextAutomaton& a, const TextAutomaton& b);
TextAutomaton operator-(const TextAutomaton& a, const TextAutomaton& b);

// An automaton with choices, from which a deterministic one is made.
class TextChoices {
 public:
  uint32_t add();
  void edge(uint32_t from, uint32_t first, uint32_t last, uint32_t to) {
    at(from).edges.push_back({first, last, to});
  }
  void free(uint32_t from, uint32_t to) { at(from).free.push_back(to); }
  TextAutomaton determine(uint32_t start, uint32_t end) const;

 private:
  struct Place {
    std::vector<TextAutomaton::Edge> edges;
    std::vector<uint32_t> free;
  };
  Place& at(uint32_t index) { return places_[index]; }
  void close(std::vector<uint32_t>& set, std::vector<char>& seen) const;

  std::vector<Place> places_;
};

// The characters of a text in UTF-8; bytes that are none count as one each.
std::u32string characters_of(std::string_view text);

}  // namespace fulmar
