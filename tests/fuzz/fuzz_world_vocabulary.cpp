// Fuzzes vocabularies whose lines give their tokens, and the compact table; what is read must come back.
#include "fuzz_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fulmar::fuzz::use_vocabulary(fulmar::fuzz::text_of(data, size));
}
