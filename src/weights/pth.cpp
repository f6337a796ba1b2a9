// torch.save's zip: the pickle names tensors and storages, each storage is one entry of the archive.
#include <algorithm>

#include "weights/containers.h"
#include "weights/pickle.h"
#include "weights/zip.h"

namespace fulmar {
namespace {

struct StorageType {
  std::string_view name;
  Format format;
};
constexpr StorageType storage_types[] = {
    {"DoubleStorage", Format::f64},    {"FloatStorage", Format::f32}, {"HalfStorage", Format::f16},
    {"BFloat16Storage", Format::bf16}, {"LongStorage", Format::i64},  {"IntStorage", Format::i32},
    {"ShortStorage", Format::i16},     {"CharStorage", Format::s8},   {"ByteStorage", Format::u8},
    {"BoolStorage", Format::boolean},
};

std::optional<Format> format_of(std::string_view storage_type) {
  for (const StorageType& type : storage_types)
    if (type.name == storage_type) return type.format;
  return std::nullopt;
}

// One past the furthest element a tensor of at least one element touches, counted from the storage's start.
uint64_t reach(const FileErrors& errors, const PickledTensor& tensor) {
  constexpr uint64_t limit = uint64_t{1} << 62;
  uint64_t last = tensor.offset;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const uint64_t steps = tensor.shape[d] - 1, stride = tensor.strides[d];
    if (last > limit || (steps != 0 && stride > (limit - last) / steps))
      errors.bad("{} reaches further than any file: shape {}, strides {}", tensor.name,
                 to_string(tensor.shape), to_string(tensor.strides));
    last += steps * stride;
  }
  return last + 1;
}

// Row-major without gaps; the strides of extents of one do not matter.
bool is_contiguous(const PickledTensor& tensor) {
  uint64_t expected = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected) return false;
    expected *= tensor.shape[d];
  }
  return true;
}

FileTensor place(const FileErrors& errors, PickledTensor&& tensor, const ZipEntries& entries,
                 const std::string& folder) {
  FileTensor out{
      tensor.name, std::string(tensor.storage_type), format_of(tensor.storage_type), tensor.shape, {}, {}};
  const std::string entry_name = folder + "data/" + std::string(tensor.key);
  const auto entry = entries.find(entry_name);
  if (entry == entries.end())
    errors.bad("{} lies in {}, which the archive does not have", tensor.name, entry_name);
  if (!out.format) return out;

  const std::span<const std::byte> storage = entry->second;
  const uint64_t size = info(*out.format).scalar_bytes, held = storage.size() / size;
  if (tensor.storage_elements > held)
    errors.bad("{} lies in a storage of {} elements, but {} holds only {}", tensor.name,
               tensor.storage_elements, entry_name, held);
  const uint64_t bytes = checked_bytes(errors, tensor.name, tensor.shape, size);
  if (bytes == 0) return out;
  const uint64_t end = reach(errors, tensor);
  if (end > held)
    errors.bad("{} reaches to element {}, but {} holds only {}", tensor.name, end, entry_name, held);
  if (!is_contiguous(tensor)) {
    // Repeated elements (stride 0) could make a few bytes a tensor of any size.
    if (bytes > storage.size())
      errors.bad("{} repeats elements of its storage: save it with .contiguous()", tensor.name);
    out.strides = std::move(tensor.strides);
  }
  out.data = storage.subspan(tensor.offset * size, (end - tensor.offset) * size);
  return out;
}

}  // namespace

SourcePtr open_pth(const FileErrors& errors, FilePtr file) {
  const ZipEntries entries = read_zip(errors, file->bytes());
  constexpr std::string_view pickle_name = "data.pkl";
  const auto pickle = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    const std::string_view name = entry.first;
    return name == pickle_name ||
           (name.ends_with("/data.pkl") && std::count(name.begin(), name.end(), '/') == 1);
  });
  if (pickle == entries.end()) errors.bad("is a zip archive, but not one of torch.save: it has no data.pkl");
  const std::string folder = pickle->first.substr(0, pickle->first.size() - pickle_name.size());
  if (entries.contains(folder + "constants.pkl"))
    errors.unsupported(
        "is a TorchScript program and not a state dict: save the model's state_dict() instead");
  if (const auto order = entries.find(folder + "byteorder"); order != entries.end()) {
    const std::string_view word(reinterpret_cast<const char*>(order->second.data()), order->second.size());
    if (word != "little") errors.unsupported("was saved on a big-endian machine");
  }

  std::vector<FileTensor> tensors;
  for (PickledTensor& tensor : read_state_dict(errors, pickle->second))
    tensors.push_back(place(errors, std::move(tensor), entries, folder));
  return std::make_shared<FileSource>(errors, std::move(file), std::move(tensors), FileSource::Metadata{});
}

}  // namespace fulmar
