// Writes safetensors: the whole header first, from shapes and formats, then the tensors' bytes.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "base/fail.h"
#include "weights/safetensors_types.h"
#include "weights/tensor_stream.h"
#include "weights/write.h"

namespace fulmar {
namespace {

// Where the data begins, and where tensors lie in it as far as their sizes allow: kernels may then read
// block formats out of the mapped file.
constexpr uint64_t alignment = 64;

struct Placed {
  const OutTensor* tensor;
  Shape shape;
  uint64_t bytes;
};

bool is_block(Format format) {
  return info(format).scalar_bytes == 0;
}

std::string_view type_name(Format format) {
  for (const SafetensorsType& type : safetensors_types)
    if (type.format == (is_block(format) ? Format::u8 : format)) return type.name;
  fail(ErrorKind::internal, "safetensors cannot hold {}", info(format).name);
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::value(boost::json::string_view(text.data(), text.size())));
}

std::string header_of(const std::vector<Placed>& placed, std::map<std::string, std::string> metadata) {
  for (const Placed& p : placed)
    if (is_block(p.tensor->format))
      metadata[std::string(block_format_key) + p.tensor->name] =
          fmt::format("{} {}", info(p.tensor->format).name, to_string(p.shape));
  std::string header = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata)
    header += fmt::format("{}{}:{}", header.ends_with('{') ? "" : ",", json_text(key), json_text(value));
  header += '}';
  uint64_t at = 0;
  for (const Placed& p : placed) {
    const Shape shape = is_block(p.tensor->format) ? Shape{p.bytes} : p.shape;
    header +=
        fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}", json_text(p.tensor->name),
                    type_name(p.tensor->format), to_string(shape), at, at + p.bytes);
    at += p.bytes;
  }
  header += '}';
  header.resize((8 + header.size() + alignment - 1) / alignment * alignment - 8, ' ');
  return header;
}

}  // namespace

void write_safetensors(const Source& source, std::span<const OutTensor> tensors,
                       const std::map<std::string, std::string>& metadata, AtomicFile& file,
                       const WriteProgress& progress) {
  std::vector<Placed> placed;
  uint64_t total = 0;
  for (const OutTensor& tensor : tensors) {
    const auto found = source.info(tensor.name);
    require(found.has_value(), "there is no tensor {} to be written", tensor.name);
    placed.push_back({&tensor, found->shape, stored_bytes(tensor.format, found->shape, BlockLayout::planes)});
    total += placed.back().bytes;
  }
  // No gaps are allowed between tensors: those of the roundest sizes come first.
  std::ranges::stable_sort(placed, {}, [](const Placed& p) {
    return p.bytes % alignment == 0 ? 0 : p.bytes % 16 == 0 ? 1 : 2;
  });
  const std::string header = header_of(placed, metadata);
  file.expect(8 + header.size() + total);
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i) & 0xff);
  file.write(std::as_bytes(std::span(length)));
  file.write(std::as_bytes(std::span(header)));

  uint64_t done = 0;
  for (const Placed& p : placed) {
    const uint64_t before = done;
    stream_tensor(source.load(p.tensor->name), p.tensor->format, BlockLayout::planes,
                  [&](std::span<const std::byte> piece) {
                    file.write(piece);
                    progress(done += piece.size(), total);
                  });
    require(done - before == p.bytes, "{} became {} bytes, {} were announced", p.tensor->name, done - before,
            p.bytes);
    source.release(p.tensor->name);
  }
}

}  // namespace fulmar
