// Writes GGUF: metadata, the table of tensors from shapes and formats, then the tensors' bytes.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#include <bit>

#include "base/fail.h"
#include "weights/ggml_types.h"
#include "weights/gguf_metadata.h"
#include "weights/tensor_stream.h"
#include "weights/write.h"

namespace fulmar {
namespace {

constexpr uint64_t alignment = 32;  // the usual one, so the metadata need not tell it
constexpr uint32_t version = 3;

template <typename T>
void append(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void append_text(std::string& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  out += text;
}

void append_key(std::string& out, std::string_view key, GgufType type) {
  append_text(out, key);
  append(out, static_cast<uint32_t>(type));
}

void append_array(std::string& out, std::string_view key, GgufType element, uint64_t count) {
  append_key(out, key, GgufType::array);
  append(out, static_cast<uint32_t>(element));
  append(out, count);
}

uint64_t padding(uint64_t bytes) {
  return (alignment - bytes % alignment) % alignment;
}

}  // namespace

void GgufHead::put(std::string_view key, std::string_view text) {
  append_key(bytes_, key, GgufType::text);
  append_text(bytes_, text);
  ++count_;
}

void GgufHead::put(std::string_view key, uint32_t number) {
  append_key(bytes_, key, GgufType::u32);
  append(bytes_, number);
  ++count_;
}

void GgufHead::put(std::string_view key, float number) {
  append_key(bytes_, key, GgufType::f32);
  append(bytes_, std::bit_cast<uint32_t>(number));
  ++count_;
}

void GgufHead::put(std::string_view key, std::span<const std::string> texts) {
  append_array(bytes_, key, GgufType::text, texts.size());
  for (const std::string& text : texts) append_text(bytes_, text);
  ++count_;
}

void GgufHead::put(std::string_view key, std::span<const int32_t> numbers) {
  append_array(bytes_, key, GgufType::i32, numbers.size());
  for (const int32_t number : numbers) append(bytes_, static_cast<uint32_t>(number));
  ++count_;
}

void write_gguf(const Source& source, std::span<const OutTensor> tensors, const GgufHead& head,
                AtomicFile& file, const WriteProgress& progress) {
  std::string front = "GGUF";
  append(front, version);
  append(front, uint64_t{tensors.size()});
  append(front, head.count());
  front += head.bytes();
  uint64_t at = 0, total = 0;
  for (const OutTensor& tensor : tensors) {
    const auto found = source.info(tensor.name);
    require(found.has_value(), "there is no tensor {} to be written", tensor.name);
    const auto type = ggml_of_format(tensor.format);
    require(type.has_value(), "{} is no format of ggml's", info(tensor.format).name);
    append_text(front, tensor.name);
    append(front, static_cast<uint32_t>(found->shape.size()));
    for (std::size_t d = found->shape.size(); d-- > 0;) append(front, found->shape[d]);  // innermost first
    append(front, *type);
    append(front, at);
    const uint64_t bytes = stored_bytes(tensor.format, found->shape, BlockLayout::ggml);
    at += bytes + padding(bytes);
    total += bytes;
  }
  front.append(padding(front.size()), '\0');
  file.expect(front.size() + at);
  file.write(std::as_bytes(std::span(front)));

  uint64_t done = 0;
  const std::string zeros(alignment, '\0');
  for (const OutTensor& tensor : tensors) {
    const uint64_t before = done;
    const Tensor loaded = source.load(tensor.name);
    stream_tensor(loaded, tensor.format, BlockLayout::ggml, [&](std::span<const std::byte> piece) {
      file.write(piece);
      progress(done += piece.size(), total);
    });
    require(done - before == stored_bytes(tensor.format, loaded.shape, BlockLayout::ggml),
            "{} became {} bytes", tensor.name, done - before);
    file.write(std::as_bytes(std::span(zeros).first(padding(done - before))));
    source.release(tensor.name);
  }
}

}  // namespace fulmar
