// Fuzzes byte-pair vocabularies in JSON; what is read must come back, in form C where the file asks for it.
#include "fuzz_vocabulary.h"
#include "text/bpe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] { parse_bpe_json(fuzz::text_of(data, size), "fuzz"); });
  return fuzz::use_vocabulary(fuzz::text_of(data, size));
}
