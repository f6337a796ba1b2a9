// Fuzzes adapter files, from the names of their tensors to the merged matrices.
#include "fuzz_model.h"
#include "weights/adapter_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  if (size == 0) return 0;
  const auto file = std::make_shared<const MappedFile>(std::as_bytes(std::span(data, size)));
  fuzz::refusing([&] {
    const SourcePtr tensors = blinkdl_names(open_safetensors({"fuzz"}, file), {});
    for (const char* mode : {"auto", "pissa", "mole"})
      fuzz::refusing([&] {
        fuzz::load_all(
            *adapt_open(fuzz::small_model(), {as_adapter(tensors, mode, std::nullopt, std::nullopt)}));
      });
  });
  return 0;
}
