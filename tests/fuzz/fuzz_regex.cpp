// Fuzzes regular expressions, bound to the whole text and not, and the automata that are made of them.
#include "fuzz.h"
#include "fuzz_grammar.h"
#include "text/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  for (const bool whole : {true, false}) {
    fuzz::refusing([&] {
      GrammarBuilder builder;
      RegexOptions options;
      options.whole = whole;
      const NodeId root = add_regex(builder, fuzz::text_of(data, size), options);
      fuzz::walk(builder.build(root, "root"), data, size);
    });
  }
  return 0;
}
