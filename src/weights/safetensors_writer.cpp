// Writes safetensors: the whole header first, from shapes and formats, then the tensors' bytes.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "base/fail.h"
#include "weights/safetensors_head.h"
#include "weights/safetensors_types.h"
#include "weights/tensor_stream.h"
#include "weights/write.h"

namespace fulmar {
namespace {

std::string_view type_name(Format format) {
  for (const SafetensorsType& type : safetensors_types)
    if (type.format == (is_block(format) ? Format::u8 : format)) return type.name;
  fail(ErrorKind::internal, "safetensors cannot hold {}", info(format).name);
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::value(boost::json::string_view(text.data(), text.size())));
}

}  // namespace

std::string safetensors_head(std::span<const SafetensorsEntry> entries, std::map<std::string, std::string> metadata) {
  for (const SafetensorsEntry& entry : entries)
    if (is_block(entry.format))
      metadata[std::string(block_format_key) + entry.name] =
          fmt::format("{} {}", info(entry.format).name, to_string(entry.shape));
  std::string json = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata)
    json += fmt::format("{}{}:{}", json.ends_with('{') ? "" : ",", json_text(key), json_text(value));
  json += '}';
  uint64_t at = 0;
  for (const SafetensorsEntry& entry : entries) {
    const Shape shape = is_block(entry.format) ? Shape{entry.bytes} : entry.shape;
    json += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}", json_text(entry.name),
                        type_name(entry.format), to_string(shape), at, at + entry.bytes);
    at += entry.bytes;
  }
  json += '}';
  constexpr uint64_t a = safetensors_alignment;
  json.resize((8 + json.size() + a - 1) / a * a - 8, ' ');
  std::string head;
  for (int i = 0; i < 8; ++i) head += static_cast<char>(json.size() >> (8 * i) & 0xff);
  return head += json;
}

void write_safetensors(const Source& source, std::span<const OutTensor> tensors,
                       const std::map<std::string, std::string>& metadata, AtomicFile& file,
                       const WriteProgress& progress) {
  std::vector<SafetensorsEntry> placed;
  uint64_t total = 0;
  for (const OutTensor& tensor : tensors) {
    const auto found = source.info(tensor.name);
    require(found.has_value(), "there is no tensor {} to be written", tensor.name);
    placed.push_back({tensor.name, tensor.format, found->shape,
                      stored_bytes(tensor.format, found->shape, BlockLayout::planes)});
    total += placed.back().bytes;
  }
  // No gaps are allowed between tensors, and kernels may read block formats out of the mapped file: those of the
  // roundest sizes come first.
  std::ranges::stable_sort(placed, {}, [](const SafetensorsEntry& p) {
    return p.bytes % safetensors_alignment == 0 ? 0 : p.bytes % 16 == 0 ? 1 : 2;
  });
  const std::string head = safetensors_head(placed, metadata);
  file.expect(head.size() + total);
  file.write(std::as_bytes(std::span(head)));

  uint64_t done = 0;
  for (const SafetensorsEntry& p : placed) {
    const uint64_t before = done;
    stream_tensor(source.load(p.name), p.format, BlockLayout::planes,
                  [&](std::span<const std::byte> piece) {
                    file.write(piece);
                    progress(done += piece.size(), total);
                  });
    require(done - before == p.bytes, "{} became {} bytes, {} were announced", p.name, done - before,
            p.bytes);
    source.release(p.name);
  }
}

}  // namespace fulmar
