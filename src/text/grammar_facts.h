// What holds of a grammar's nodes: which can end, which may be empty, and which rules are small enough to be copied.
#pragma once
#include <vector>

#include "text/grammar.h"

namespace fulmar {

struct GrammarFacts {
  std::vector<bool> ends;      // by node: some text matches
  std::vector<bool> nullable;  // by node: the empty text matches
  std::vector<bool> inlined;   // by rule: put where it is called; never all the rules of a circle
  std::vector<uint32_t> size;  // by node: leaves when compiled, about
};

GrammarFacts find_facts(const Grammar& grammar);

}  // namespace fulmar
