// Bytes of GGUF, ggmf and legacy .pth files.
#include "weights/ggml_writers.h"

#include <bit>

namespace fulmar::test {
namespace {

constexpr uint32_t type_u32 = 4, type_i32 = 5, type_f32 = 6, type_text = 8, type_array = 9;

void pad(std::string& bytes, uint64_t alignment) {
  bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
}

}  // namespace

std::string gguf_text(std::string_view text) {
  return little(text.size(), 8).append(text);
}

std::string gguf_pair(std::string_view key, std::string_view value) {
  return gguf_text(key) + little(type_text, 4) + gguf_text(value);
}

std::string gguf_pair(std::string_view key, uint32_t value) {
  return gguf_text(key) + little(type_u32, 4) + little(value, 4);
}

std::string gguf_pair(std::string_view key, float value) {
  return gguf_text(key) + little(type_f32, 4) + little(std::bit_cast<uint32_t>(value), 4);
}

std::string gguf_array(std::string_view key, const std::vector<std::string>& texts) {
  std::string out = gguf_text(key) + little(type_array, 4) + little(type_text, 4) + little(texts.size(), 8);
  for (const std::string& text : texts) out += gguf_text(text);
  return out;
}

std::string gguf_array(std::string_view key, const std::vector<int32_t>& numbers) {
  return gguf_text(key) + little(type_array, 4) + little(type_i32, 4) + little(numbers.size(), 8) +
         raw(numbers);
}

std::string gguf(const std::vector<std::string>& pairs, const std::vector<GgufTensor>& tensors,
                 const GgufLies& lies) {
  std::string out = "GGUF" + little(lies.version, 4) + little(lies.tensors.value_or(tensors.size()), 8) +
                    little(lies.pairs.value_or(pairs.size()), 8);
  for (const std::string& pair : pairs) out += pair;
  std::string data;
  for (const GgufTensor& tensor : tensors) {
    out += gguf_text(tensor.name) +
           little(tensor.dimensions.value_or(static_cast<uint32_t>(tensor.shape.size())), 4);
    for (std::size_t d = tensor.shape.size(); d-- > 0;) out += little(tensor.shape[d], 8);
    out += little(tensor.type, 4) + little(tensor.offset.value_or(data.size()), 8);
    data += tensor.data;
    pad(data, lies.alignment);
  }
  if (!tensors.empty()) pad(out, lies.alignment);
  return out + data;
}

std::vector<std::string> gguf_model(std::string_view architecture, uint32_t head_size) {
  return {gguf_pair("general.architecture", architecture),
          gguf_pair(std::string(architecture) + ".wkv.head_size", head_size)};
}

std::string ggmf(const std::vector<GgmfTensor>& tensors, uint32_t version) {
  std::string out = "fmgg" + little(version, 4) + little(11, 4) + little(4, 4) + little(1, 4) + little(0, 4);
  for (const GgmfTensor& tensor : tensors) {
    out += little(tensor.dimensions.value_or(static_cast<uint32_t>(tensor.shape.size())), 4) +
           little(tensor.name_length.value_or(static_cast<uint32_t>(tensor.name.size())), 4) +
           little(tensor.type, 4);
    for (std::size_t d = tensor.shape.size(); d-- > 0;) out += little(tensor.shape[d], 4);
    out += tensor.name + tensor.data;
  }
  return out;
}

std::string legacy_pth(const std::string& pickle, const std::vector<LegacyStorage>& storages) {
  const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  const std::string version("\x80\x02M\xe9\x03.", 6);
  Pickle system, keys;
  system.op("}q").op(std::string(1, '\0')).op("(").text("protocol_version").number(1001);
  system.text("little_endian").op("\x88").text("type_sizes").op("}(").text("int").number(4).op("uu");
  keys.op("](");
  std::string data;
  for (const LegacyStorage& storage : storages) {
    keys.text(storage.key);
    data += little(storage.elements, 8) + storage.data;
  }
  return magic + version + system.stop() + pickle + keys.op("e").stop() + data;
}

}  // namespace fulmar::test
