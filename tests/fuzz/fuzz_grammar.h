// A walk over a grammar's automaton along bytes that it allows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "text/grammar_machine.h"

namespace fulmar::fuzz {

// `data` chooses the way. Where a text may go on no place is without a byte that leads on.
inline void walk(const Grammar& grammar, const uint8_t* data, std::size_t size) {
  GrammarMachine machine(std::make_shared<const GrammarProgram>(compile_grammar(grammar)));
  GrammarMachine::Place place = machine.start();
  for (std::size_t i = 0; i < 64 && place != GrammarMachine::ended; ++i) {
    GrammarMachine::Place next = size > 0 ? machine.step(place, data[i % size]) : GrammarMachine::dead;
    if (next == GrammarMachine::dead) {
      if (machine.width(place) == 0 && !machine.may_end(place)) std::abort();
      if (machine.width(place) == 0) return;
      next = machine.step(place, machine.widest(place));
      if (next == GrammarMachine::dead) std::abort();
    }
    place = next;
  }
}

}  // namespace fulmar::fuzz
