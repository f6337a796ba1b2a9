// A grammar compiled to an automaton over bytes that calls itself: states, what leaves them, and blocks to call.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/grammar.h"

namespace fulmar {

// More than so many steps, and a grammar is refused: its expansion is larger than what it is written in, since nodes are
// used in several places and small rules are put where they are called.
constexpr std::size_t max_program_leaves = 100'000;
constexpr std::size_t max_program_closures = 1'000'000;  // leaves of all states together
constexpr int max_grammar_depth = 500;                   // of nodes in nodes

struct GrammarProgram {
  // What leads on from a state. A leaf is the same wherever what follows it is the same.
  struct Leaf {
    enum class Kind : uint8_t {
      byte,   // one of sets[set]
      call,   // through `block`, once
      repeat  // through `block`, from `min` to `max` times
    };
    Kind kind = Kind::byte;
    bool last = false;       // nothing follows in its block: `next` only returns
    bool loops = false;      // byte: a character of classes[char_class] may be followed by another one of them, for ever
    bool runs = false;       // byte: another character of classes[char_class] may follow
    bool counts = false;     // the same as loops, as often as the repeat whose block this is in allows
    uint32_t set = 0;
    uint32_t next = 0;       // state
    uint32_t block = 0;      // called; of a byte that counts: the one that it is in
    uint32_t min = 0, max = 0;
    uint32_t char_class = none;  // byte: the ASCII part of this class
    uint32_t whole = none;       // state: all of that class, and then `next`
    bool apart = false;          // repeat: of a class's characters, where neither what else may be repeated nor what follows
                                 // begins as they do
    static constexpr uint32_t none = UINT32_MAX;
  };
  // Without reading a byte, a state is all of its leaves at once.
  struct State {
    uint32_t first = 0, count = 0;  // in closures
    bool end = false;               // its block may end here
  };
  // A rule, or what a repeat repeats.
  struct Block {
    uint32_t start = 0;
    uint32_t order = 0;  // those that one may call before it reads a byte have higher ones
    std::string name;
  };

  std::vector<Leaf> leaves;
  std::vector<State> states;
  std::vector<uint32_t> closures;  // leaves
  std::vector<Block> blocks;       // 0: the root
  std::vector<ByteSet> sets;
  std::vector<CodePointSet> classes;

  std::span<const uint32_t> leaves_of(uint32_t state) const {
    return std::span(closures).subspan(states[state].first, states[state].count);
  }
  ByteSet first_bytes(uint32_t state) const;  // of its byte leaves
  std::size_t bytes() const;                  // of memory, about
};

// Throws Error(bad_request) for a grammar that is too large, is left recursive or has no text that ends.
GrammarProgram compile_grammar(const Grammar& grammar);

}  // namespace fulmar
