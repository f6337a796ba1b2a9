// rwkv.cpp's files: six numbers, then tensors one after the other, each with a header of its own.
// https://github.com/RWKV/rwkv.cpp/blob/master/docs/FILE_FORMAT.md
#include "base/utf8.h"
#include "weights/containers.h"
#include "weights/ggml_types.h"
#include "weights/little_endian.h"
#include "weights/names.h"

namespace fulmar {
namespace {

constexpr uint32_t most_dimensions = 4;
constexpr uint32_t first_version = 100, current_version = 101;

class GgmfReader {
 public:
  GgmfReader(const FileErrors& errors, std::span<const std::byte> bytes) : errors_(errors), bytes_(bytes) {}

  std::vector<FileTensor> read() {
    number("magic");
    version_ = number("version");
    if (version_ != first_version && version_ != current_version)
      errors_.unsupported("is a ggmf file of version {}; versions 100 and 101 are supported", version_);
    for (const char* what : {"n_vocab", "n_embd", "n_layer", "data type"}) number(what);
    std::vector<FileTensor> tensors;
    while (at_ < bytes_.size()) {
      refuse_too_many(errors_, tensors.size());
      tensors.push_back(tensor());
    }
    return tensors;
  }

 private:
  uint32_t number(const char* what) { return little_endian<uint32_t>(take(4, what).data()); }

  std::span<const std::byte> take(uint64_t count, std::string_view what) {
    if (count > bytes_.size() - at_)
      errors_.bad("{} takes {} bytes at byte {}, but the file has only {}: is it cut short?", what, count,
                  at_, bytes_.size());
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }

  FileTensor tensor() {
    const uint64_t begin = at_;
    const uint32_t dimensions = number("a tensor's header"), length = number("a tensor's header"),
                   type = number("a tensor's header");
    if (dimensions == 0 || dimensions > most_dimensions || length == 0 || length > max_tensor_name)
      errors_.bad(
          "the tensor at byte {} claims {} dimensions and a name of {} bytes; at most {} and {} are "
          "possible",
          begin, dimensions, length, most_dimensions, max_tensor_name);
    FileTensor out;
    out.shape.resize(dimensions);  // innermost first in the file
    for (uint32_t d = dimensions; d-- > 0;) out.shape[d] = number("a tensor's shape");
    const auto name = take(length, "a tensor's name");
    out.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    if (!is_utf8(out.name)) errors_.bad("the tensor at byte {} has a name that is not UTF-8", begin);
    out.format = format_of(out.name, type);
    out.dtype = fulmar::info(*out.format).name;
    out.ggml_blocks = fulmar::info(*out.format).ggml != nullptr;
    const uint64_t bytes = ggml_bytes(errors_, out.name, out.shape, *out.format);
    out.data = take(bytes, out.name);
    return out;
  }

  // The types' numbers here are older than ggml's own.
  Format format_of(const std::string& name, uint32_t type) const {
    constexpr uint32_t unused = ~uint32_t{0};
    constexpr uint32_t ggml_types[] = {0, 1, 2, 3, unused, unused, unused, 6, 7, 8};
    const uint32_t ggml = type < std::size(ggml_types) ? ggml_types[type] : unused;
    const auto format = ggml == unused ? std::nullopt : format_of_ggml(ggml);
    if (!format)
      errors_.unsupported("{} is of type {}, which rwkv.cpp itself dropped: convert the original .pth again",
                          name, type);
    if (fulmar::info(*format).ggml && version_ == first_version)
      errors_.unsupported(
          "{} is quantized as ggml did before May 2023 (file version 100): quantize the original again",
          name);
    return *format;
  }

  const FileErrors& errors_;
  std::span<const std::byte> bytes_;
  uint64_t at_ = 0;
  uint32_t version_ = 0;
};

}  // namespace

SourcePtr open_ggmf(const FileErrors& errors, FilePtr file) {
  std::vector<FileTensor> tensors = GgmfReader(errors, file->bytes()).read();
  auto source =
      std::make_shared<FileSource>(errors, std::move(file), std::move(tensors), FileSource::Metadata{});
  std::vector<Renamed> names = ggmf_names(*source);
  // rwkv.cpp computes v5's group norm with the usual epsilon of norms.
  ExtraMetadata extra;
  const bool v5 = source->info("blocks.0.att.ln_x.weight") && source->info("blocks.0.att.time_mix_k");
  if (v5) extra["gn_eps"] = "1e-5";
  return rename(std::move(source), std::move(names), std::move(extra));
}

}  // namespace fulmar
