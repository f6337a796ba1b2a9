// Fuzzes zip archives of torch.save, from the directory to the engine's view of the tensors.
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  return fulmar::fuzz::use_container(fulmar::open_pth, data, size);
}
