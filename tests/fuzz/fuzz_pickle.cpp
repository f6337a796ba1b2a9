// Fuzzes the pickle machine through all that asks it: state dicts, with and without data behind, and lists.
#include "fuzz.h"
#include "weights/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  const FileErrors errors{"fuzz"};
  const auto bytes = std::as_bytes(std::span(data, size));
  fuzz::refusing([&] { read_state_dict(errors, bytes); });
  fuzz::refusing([&] { read_state_dict_prefix(errors, bytes); });
  fuzz::refusing([&] { read_text_list_prefix(errors, bytes); });
  return 0;
}
