// Row by row from one format to another; see tensor_stream.h.
#include "weights/tensor_stream.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/fail.h"
#include "base/parallel.h"

namespace fulmar {
namespace {

constexpr uint64_t floats_at_once = uint64_t{4} << 20;  // 16 MiB
constexpr uint64_t bytes_at_once = uint64_t{16} << 20;

struct MatrixShape {
  uint64_t N, K;
};

MatrixShape matrix_of(const Shape& shape) {
  const uint64_t count = element_count(shape), K = shape.empty() ? 1 : shape.back();
  return {K ? count / K : 0, K};
}

// Rows [first, first + rows) of a tensor as rows [at, at + rows) of the [N, K] matrix `out`.
void encode_rows(const Tensor& tensor, uint64_t first, uint64_t rows, Format format, std::byte* out,
                 uint64_t N, uint64_t K, uint64_t at) {
  parallel_for(rows, [&](uint64_t begin, uint64_t end) {
    std::vector<float> row(K);
    for (uint64_t n = begin; n < end; ++n) {
      to_floats(tensor, (first + n) * K, K, row.data());
      info(format).encode_row(out, N, K, at + n, row.data());
    }
  });
}

void in_pieces(std::span<const std::byte> bytes, const ByteSink& sink) {
  for (uint64_t at = 0; at < bytes.size(); at += bytes_at_once)
    sink(bytes.subspan(at, std::min<uint64_t>(bytes_at_once, bytes.size() - at)));
}

void stream_planes(const Tensor& tensor, Format format, MatrixShape m, uint64_t rows_at_once,
                   const ByteSink& sink) {
  std::span<std::byte> bytes;
  const Tensor whole = make_tensor(format, {m.N, m.K}, bytes);
  std::memset(bytes.data(), 0, bytes.size());  // what lies behind planes
  for (uint64_t first = 0; first < m.N; first += rows_at_once) {
    encode_rows(tensor, first, std::min(rows_at_once, m.N - first), format, bytes.data(), m.N, m.K, first);
    sink({});
  }
  in_pieces(bytes, sink);
}

// Row after row: numbers one by one, or ggml's blocks.
void stream_rows(const Tensor& tensor, Format format, MatrixShape m, uint64_t rows_at_once, const ByteSink& sink) {
  const GgmlLayout* ggml = info(format).scalar_bytes ? nullptr : info(format).ggml;
  const uint64_t row_bytes = ggml ? m.K / ggml->block * ggml->bytes : m.K * info(format).scalar_bytes;
  const bool packed = ggml && tensor.format == format;  // only to be laid out otherwise
  std::vector<std::byte> blocks(ggml ? rows_at_once * row_bytes : 0);
  std::span<std::byte> bytes;
  const Tensor piece = make_tensor(format, {packed ? 0 : rows_at_once, m.K}, bytes);
  for (uint64_t first = 0; first < m.N; first += rows_at_once) {
    const uint64_t rows = std::min(rows_at_once, m.N - first);
    if (!packed) encode_rows(tensor, first, rows, format, bytes.data(), rows_at_once, m.K, 0);
    if (!ggml) {
      sink(bytes.first(rows * row_bytes));
      continue;
    }
    for (uint64_t n = 0; n < rows; ++n) {
      std::byte* out = blocks.data() + n * row_bytes;
      if (packed)
        ggml->unpack_row(tensor.data.data(), m.N, m.K, first + n, out);
      else
        ggml->unpack_row(bytes.data(), rows_at_once, m.K, n, out);
    }
    sink(std::span(blocks).first(rows * row_bytes));
  }
}

}  // namespace

uint64_t stored_bytes(Format format, const Shape& shape, BlockLayout layout) {
  const FormatInfo& f = info(format);
  const auto [N, K] = matrix_of(shape);
  if (f.scalar_bytes) return N * K * f.scalar_bytes;
  const uint32_t block = layout == BlockLayout::ggml && f.ggml ? f.ggml->block : f.block;
  if (N == 0 || K % block != 0)
    fail(ErrorKind::bad_file,
         "a tensor of shape {} does not divide into the blocks of {}, which hold {} of a row",
         to_string(shape), f.name, block);
  if (layout == BlockLayout::planes) return f.matrix_bytes(N, K);
  require(f.ggml != nullptr, "{} is no format of ggml's", f.name);
  return N * (K / block) * f.ggml->bytes;
}

void stream_tensor(const Tensor& tensor, Format format, BlockLayout layout, const ByteSink& sink) {
  const MatrixShape m = matrix_of(tensor.shape);
  if (m.N == 0) return;
  const bool block = info(format).scalar_bytes == 0;
  if (tensor.format == format && !(block && layout == BlockLayout::ggml)) return in_pieces(tensor.data, sink);
  require(info(format).encode_row != nullptr, "nothing is converted to {}", info(format).name);
  const uint64_t rows_at_once = std::clamp<uint64_t>(floats_at_once / m.K, 1, m.N);
  if (block && layout == BlockLayout::planes)
    stream_planes(tensor, format, m, rows_at_once, sink);
  else
    stream_rows(tensor, format, m, rows_at_once, sink);
}

}  // namespace fulmar
