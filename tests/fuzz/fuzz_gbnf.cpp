// Fuzzes grammars in GBNF, and the automata that are made of them.
#include "fuzz.h"
#include "fuzz_grammar.h"
#include "text/gbnf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] { fuzz::walk(parse_gbnf(fuzz::text_of(data, size)), data, size); });
  return 0;
}
