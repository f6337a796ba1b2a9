// The table of tensors of a GGUF file, and what its metadata says about the model.
#include <bit>
#include <cmath>

#include "base/utf8.h"
#include "weights/containers.h"
#include "weights/ggml_types.h"
#include "weights/gguf_metadata.h"
#include "weights/names.h"

namespace fulmar {
namespace {

constexpr uint32_t max_gguf_dimensions = 8;
constexpr uint64_t smallest_entry = 24;  // a name's length, no dimension, a type, an offset
constexpr uint64_t usual_alignment = 32, max_alignment = 1 << 20;

class GgufSource final : public Source {
 public:
  GgufSource(SourcePtr tensors, FilePtr file, FileErrors errors, GgufMetadata metadata)
      : tensors_(std::move(tensors)),
        file_(std::move(file)),
        errors_(std::move(errors)),
        metadata_(std::move(metadata)) {}

  std::vector<std::string> names() const override { return tensors_->names(); }
  std::optional<TensorRef> info(std::string_view name) const override { return tensors_->info(name); }
  Tensor load(std::string_view name) const override { return tensors_->load(name); }
  std::optional<std::string> metadata(std::string_view key) const override { return metadata_.printed(key); }
  std::optional<EmbeddedVocabulary> vocabulary() const override {
    return gguf_vocabulary(errors_, metadata_);
  }
  void release(std::string_view name) const override { tensors_->release(name); }
  std::string label() const override { return errors_.label; }

 private:
  SourcePtr tensors_;
  FilePtr file_;  // holds what the metadata's values view
  FileErrors errors_;
  GgufMetadata metadata_;
};

uint64_t read_head(const FileErrors& errors, GgufCursor& cursor) {
  cursor.take(4);  // "GGUF"
  const uint32_t version = cursor.u32();
  if (version == 1 || version == 0)
    errors.unsupported("is a GGUF file of version {}; versions 2 and 3 are supported", version);
  if ((version & 0xffff) == 0) errors.unsupported("is a GGUF file for big-endian machines");
  if (version > 3) errors.unsupported("is a GGUF file of version {}, newer than 3", version);
  return cursor.u64();
}

FileTensor read_entry(const FileErrors& errors, GgufCursor& cursor, uint64_t& offset) {
  FileTensor out;
  const std::string_view name = cursor.text();
  if (name.empty() || name.size() > max_tensor_name || !is_utf8(name))
    errors.bad("a tensor's name is of {} bytes, or not UTF-8; at most {} are possible", name.size(),
               max_tensor_name);
  out.name = name;
  const uint32_t dimensions = cursor.u32();
  if (dimensions > max_gguf_dimensions) errors.bad("{} claims {} dimensions", out.name, dimensions);
  out.shape.resize(dimensions);  // innermost first in the file
  for (uint32_t d = dimensions; d-- > 0;) out.shape[d] = cursor.u64();
  const uint32_t type = cursor.u32();
  out.format = format_of_ggml(type);
  out.dtype = ggml_type_name(type);
  out.ggml_blocks = out.format && info(*out.format).ggml;
  offset = cursor.u64();
  return out;
}

std::vector<FileTensor> read_tensors(const FileErrors& errors, GgufCursor& cursor, uint64_t count,
                                     uint64_t alignment, std::span<const std::byte> bytes) {
  if (count > cursor.left() / smallest_entry)
    errors.bad("claims {} tensors, but the file has only {} bytes more", count, cursor.left());
  if (count > max_tensors) errors.bad("claims {} tensors; at most {} are possible", count, max_tensors);
  std::vector<FileTensor> tensors;
  std::vector<uint64_t> offsets(count);
  for (uint64_t i = 0; i < count; ++i) tensors.push_back(read_entry(errors, cursor, offsets[i]));
  const uint64_t begin = (cursor.at() + alignment - 1) / alignment * alignment;
  const std::span<const std::byte> data = bytes.subspan(std::min<uint64_t>(begin, bytes.size()));
  for (uint64_t i = 0; i < count; ++i) {
    FileTensor& tensor = tensors[i];
    if (offsets[i] % alignment != 0)
      errors.bad("{} begins at byte {} of the data, which is no multiple of {}", tensor.name, offsets[i],
                 alignment);
    if (!tensor.format) continue;
    const uint64_t size = ggml_bytes(errors, tensor.name, tensor.shape, *tensor.format);
    if (offsets[i] > data.size() || size > data.size() - offsets[i])
      errors.bad("{} of {} bytes begins at byte {} of the data, but the file holds only {}: is it cut short?",
                 tensor.name, size, offsets[i], data.size());
    tensor.data = data.subspan(offsets[i], size);
  }
  refuse_overlaps(errors, tensors);
  return tensors;
}

GgufShape read_shape(const FileErrors& errors, const GgufMetadata& metadata) {
  GgufShape shape;
  shape.architecture = replace_bad_utf8(metadata.text("general.architecture").value_or(""));
  const std::string& arch = shape.architecture;
  if (arch == "rwkv6qwen2" || arch == "arwkv7")
    errors.unsupported("is of architecture {}, a Qwen with RWKV's time mix; rwkv6 and rwkv7 are supported",
                       arch);
  if (arch != "rwkv6" && arch != "rwkv7")
    errors.unsupported("is of architecture \"{}\", which is no RWKV; rwkv6 and rwkv7 are supported", arch);
  if (metadata.whole("split.count").value_or(1) > 1)
    errors.unsupported("is one of {} parts: join them with `llama-gguf-split --merge`",
                       *metadata.whole("split.count"));
  shape.head_size = metadata.whole(arch + ".wkv.head_size").value_or(0);
  if (shape.head_size == 0) errors.bad("the metadata lacks {}.wkv.head_size", arch);
  shape.rescale_every = metadata.whole(arch + ".rescale_every_n_layers").value_or(0);
  return shape;
}

ExtraMetadata epsilons(const GgufMetadata& metadata, const std::string& arch) {
  ExtraMetadata extra;
  const auto put = [&](const char* key, std::string_view from, double usual) {
    const auto eps = metadata.real(arch + std::string(from));
    if (eps && std::isfinite(*eps) && *eps > 0 && std::fabs(*eps / usual - 1) > 1e-6)
      extra[key] = fmt::format("{:.9g}", *eps);
  };
  put("ln_eps", ".attention.layer_norm_epsilon", 1e-5);
  put("gn_eps", ".attention.group_norm_epsilon", 64e-5);
  return extra;
}

}  // namespace

SourcePtr open_gguf(const FileErrors& errors, FilePtr file) {
  const std::span<const std::byte> bytes = file->bytes();
  GgufCursor cursor(errors, bytes);
  const uint64_t tensor_count = read_head(errors, cursor), pairs = cursor.u64();
  GgufMetadata metadata(errors, cursor, pairs);
  const uint64_t alignment = metadata.whole("general.alignment").value_or(usual_alignment);
  if (!std::has_single_bit(alignment) || alignment > max_alignment)
    errors.bad("the metadata's general.alignment is {}, expected a power of two up to {}", alignment,
               max_alignment);
  const GgufShape shape = read_shape(errors, metadata);
  std::vector<FileTensor> tensors = read_tensors(errors, cursor, tensor_count, alignment, bytes);
  ExtraMetadata extra = epsilons(metadata, shape.architecture);
  auto inner = std::make_shared<FileSource>(errors, file, std::move(tensors), FileSource::Metadata{});
  auto source = std::make_shared<GgufSource>(std::move(inner), std::move(file), errors, std::move(metadata));
  std::vector<Renamed> names = gguf_names(*source, shape);
  return rename(std::move(source), std::move(names), std::move(extra));
}

}  // namespace fulmar
