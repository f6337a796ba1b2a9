// Storage, conversion and quantization of tensors.
#include "tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/fail.h"
#include "base/half.h"
#include "base/parallel.h"

namespace fulmar {
namespace {

constexpr std::size_t alignment = 64;

template <typename T>
T read(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void rows_to_floats(const TensorRef& tensor, uint64_t first, uint64_t count, float* out) {
  const FormatInfo& format = info(tensor.format);
  const uint64_t K = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (K == 0 || count == 0) return;
  const uint64_t N = element_count(tensor.shape) / K;
  require(K % format.block == 0 && first % K == 0 && count % K == 0 && first / K + count / K <= N &&
              tensor.data.size() >= format.matrix_bytes(N, K),
          "elements [{}, {}) are not rows of a {} matrix {}", first, first + count, format.name,
          to_string(tensor.shape));
  for (uint64_t row = 0; row < count / K; ++row)
    format.decode_row(tensor.data.data(), N, K, first / K + row, out + row * K);
}

}  // namespace

uint64_t element_count(const Shape& shape) {
  uint64_t count = 1;
  for (const uint64_t extent : shape) {
    if (extent != 0 && count > (uint64_t{1} << 62) / extent)
      fail(ErrorKind::bad_file, "a shape of {} holds more elements than any file", to_string(shape));
    count *= extent;
  }
  return count;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

Tensor make_tensor(Format format, Shape shape, std::span<std::byte>& bytes) {
  const uint64_t K = shape.empty() ? 1 : shape.back(), count = element_count(shape);
  const uint64_t size = info(format).matrix_bytes(K ? count / K : 0, K);
  auto* raw =
      static_cast<std::byte*>(::operator new (std::max<uint64_t>(size, 1), std::align_val_t{alignment}));
  Tensor tensor;
  tensor.owner = std::shared_ptr<const void>(
      raw, [](const void* p) { ::operator delete (const_cast<void*>(p), std::align_val_t{alignment}); });
  tensor.format = format;
  tensor.shape = std::move(shape);
  tensor.data = bytes = {raw, size};
  return tensor;
}

void to_floats(const TensorRef& tensor, uint64_t first, uint64_t count, float* out) {
  const uint32_t size = info(tensor.format).scalar_bytes;
  if (size == 0) return rows_to_floats(tensor, first, count, out);
  require((first + count) * size <= tensor.data.size(), "elements past the end of a tensor");
  if (count == 0) return;  // an empty tensor may have no address
  const std::byte* in = tensor.data.data() + first * size;
  switch (tensor.format) {
    case Format::f32:
      std::memcpy(out, in, count * 4);
      return;
    case Format::f16:
      for (uint64_t i = 0; i < count; ++i) out[i] = f16_to_f32(read<uint16_t>(in + i * 2));
      return;
    case Format::bf16:
      for (uint64_t i = 0; i < count; ++i) out[i] = bf16_to_f32(read<uint16_t>(in + i * 2));
      return;
    case Format::f64:
      for (uint64_t i = 0; i < count; ++i) out[i] = static_cast<float>(read<double>(in + i * 8));
      return;
    case Format::i64:
      for (uint64_t i = 0; i < count; ++i) out[i] = static_cast<float>(read<int64_t>(in + i * 8));
      return;
    case Format::i32:
      for (uint64_t i = 0; i < count; ++i) out[i] = static_cast<float>(read<int32_t>(in + i * 4));
      return;
    case Format::i16:
      for (uint64_t i = 0; i < count; ++i) out[i] = read<int16_t>(in + i * 2);
      return;
    case Format::s8:
      for (uint64_t i = 0; i < count; ++i) out[i] = read<int8_t>(in + i);
      return;
    default:
      for (uint64_t i = 0; i < count; ++i) out[i] = read<uint8_t>(in + i);
      return;
  }
}

std::vector<float> to_floats(const TensorRef& tensor) {
  std::vector<float> out(element_count(tensor.shape));
  to_floats(tensor, 0, out.size(), out.data());
  return out;
}

Tensor from_floats(std::span<const float> values, Shape shape) {
  require(element_count(shape) == values.size(), "{} values for a shape of {}", values.size(),
          to_string(shape));
  std::span<std::byte> bytes;
  Tensor tensor = make_tensor(Format::f32, std::move(shape), bytes);
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

void quantize(const TensorRef& matrix, Format target, uint64_t rows, uint64_t cols,
              std::span<std::byte> out) {
  require(matrix.shape.size() == 2, "quantize takes matrices, not {}", to_string(matrix.shape));
  const uint64_t N = matrix.shape[0], K = matrix.shape[1];
  const FormatInfo& to = info(target);
  require(to.encode_row && cols % to.block == 0, "{} columns do not fit format {}", cols, to.name);
  require(N <= rows && K <= cols && out.size() >= to.matrix_bytes(rows, cols),
          "quantize target is too small");
  if (matrix.format == target && N == rows && K == cols) {
    std::memcpy(out.data(), matrix.data.data(), to.matrix_bytes(rows, cols));
    return;
  }
  parallel_for(rows, [&](uint64_t begin, uint64_t end) {
    std::vector<float> row(cols, 0.0f);
    for (uint64_t n = begin; n < end; ++n) {
      if (n < N) to_floats(matrix, n * K, K, row.data());
      if (n == N || (n == begin && n > N)) std::fill(row.begin(), row.end(), 0.0f);
      to.encode_row(out.data(), rows, cols, n, row.data());
    }
  });
}

}  // namespace fulmar
