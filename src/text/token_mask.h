// Which tokens may come next: those that the grammar can read at a place, found on one walk over the vocabulary's tree.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "text/grammar_machine.h"
#include "text/token_trie.h"

namespace fulmar {

// Slices of the classes of which several characters may follow each other, by their numbers in the program; null: none.
using LoopSlices = std::vector<std::shared_ptr<const TokenSlice>>;
LoopSlices loop_slices(const GrammarProgram& program, const TokenTrie& trie);

constexpr std::size_t max_loop_slices = 16;   // more classes are walked byte by byte
constexpr uint64_t max_mask_work = 1 << 18;  // of GrammarMachine, for one mask; beyond, only single bytes are allowed
constexpr std::size_t max_machine_bytes = std::size_t{8} << 20;  // with more, the same

// `mask` has a bit for each token of the model, and is overwritten. False: to find all would have taken more than `most_work`.
bool find_mask(GrammarMachine& machine, GrammarMachine::Place place, const TokenTrie& trie, const LoopSlices& slices,
               uint64_t most_work, std::span<uint64_t> mask);

}  // namespace fulmar
