// Fuzzes the grammar of strategies.
#include "fuzz.h"
#include "model/strategy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] { parse_strategy(fuzz::text_of(data, size)); });
  return 0;
}
