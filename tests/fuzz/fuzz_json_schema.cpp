// Fuzzes JSON schemas: what is taken must be a grammar, within seconds.
#include "fuzz.h"
#include "text/json_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] { compile_json_schema(fuzz::text_of(data, size)); });
  return 0;
}
