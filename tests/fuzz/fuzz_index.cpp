// Fuzzes the index of a sharded checkpoint; every shard that it names is the same small file.
#include <string>

#include "fuzz.h"

namespace fulmar::fuzz {
namespace {

SourcePtr shard() {
  static const std::string bytes = [] {
    const std::string header = R"({"emb.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},)"
                               R"("head.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[32,64]}})";
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    return file + header + std::string(64, '\1');
  }();
  return open_safetensors({"shard"}, std::make_shared<const MappedFile>(std::as_bytes(std::span(bytes))));
}

}  // namespace
}  // namespace fulmar::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace fulmar;
  fuzz::refusing([&] {
    fuzz::use_model(
        open_index({"fuzz"}, fuzz::text_of(data, size), [](const std::string&) { return fuzz::shard(); }));
  });
  return 0;
}
