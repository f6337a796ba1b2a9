// Storage types, and the arithmetic that keeps strided tensors inside their storage.
#include "weights/torch_storage.h"

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

}  // namespace

std::optional<Format> format_of_storage(std::string_view storage_type) {
  for (const StorageType& type : storage_types)
    if (type.name == storage_type) return type.format;
  return std::nullopt;
}

FileTensor place_in_storage(const FileErrors& errors, PickledTensor&& tensor,
                            std::span<const std::byte> storage, const std::string& where) {
  FileTensor out{
      tensor.name, std::string(tensor.storage_type), format_of_storage(tensor.storage_type), tensor.shape, {},
      {}};
  if (!out.format) return out;
  const uint64_t size = info(*out.format).scalar_bytes, held = storage.size() / size;
  if (tensor.storage_elements > held)
    errors.bad("{} lies in a storage of {} elements, but {} holds only {}", tensor.name,
               tensor.storage_elements, where, held);
  const uint64_t bytes = checked_bytes(errors, tensor.name, tensor.shape, size);
  if (bytes == 0) return out;
  const uint64_t end = reach(errors, tensor);
  if (end > held) errors.bad("{} reaches to element {}, but {} holds only {}", tensor.name, end, where, held);
  if (!is_contiguous(tensor)) {
    // Repeated elements (stride 0) could make a few bytes a tensor of any size.
    if (bytes > storage.size())
      errors.bad("{} repeats elements of its storage: save it with .contiguous()", tensor.name);
    out.strides = std::move(tensor.strides);
  }
  out.data = storage.subspan(tensor.offset * size, (end - tensor.offset) * size);
  return out;
}

}  // namespace fulmar
