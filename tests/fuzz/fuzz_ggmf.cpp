// Fuzzes rwkv.cpp's files, from the first tensor to the engine's view of them all.
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fulmar::fuzz::use_container(fulmar::open_ggmf, data, size);
}
