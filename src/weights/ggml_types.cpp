// The numbers and names of ggml's types (enum ggml_type), and its blocks in and out of our layouts.
#include "weights/ggml_types.h"

#include <cmath>
#include <cstring>

#include "base/half.h"
#include "base/parallel.h"
#include "weights/little_endian.h"

namespace fulmar {
namespace {

struct ScalarType {
  uint32_t id;
  Format format;
};
constexpr ScalarType scalars[] = {{0, Format::f32},  {1, Format::f16},  {24, Format::s8},
                                  {25, Format::i16}, {26, Format::i32}, {27, Format::i64},
                                  {28, Format::f64}, {30, Format::bf16}};

constexpr std::string_view names[] = {
    "F32",      "F16",      "Q4_0",    "Q4_1",  "Q4_2",       "Q4_3",       "Q5_0",       "Q5_1",
    "Q8_0",     "Q8_1",     "Q2_K",    "Q3_K",  "Q4_K",       "Q5_K",       "Q6_K",       "Q8_K",
    "IQ2_XXS",  "IQ2_XS",   "IQ3_XXS", "IQ1_S", "IQ4_NL",     "IQ3_S",      "IQ2_S",      "IQ4_XS",
    "I8",       "I16",      "I32",     "I64",   "F64",        "IQ1_M",      "BF16",       "Q4_0_4_4",
    "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4"};

// Where a block keeps the f16 numbers that all its values are products of.
std::span<const uint32_t> scale_offsets(uint32_t type) {
  static constexpr uint32_t first[] = {0}, two[] = {0, 2}, last_of_q6[] = {208};
  switch (type) {
    case 3:   // Q4_1: scale and minimum
    case 7:   // Q5_1
    case 12:  // Q4_K
    case 13:  // Q5_K
      return two;
    case 14:  // Q6_K
      return last_of_q6;
    default:  // Q4_0, Q5_0, Q8_0, IQ4_NL
      return first;
  }
}

uint64_t rows_of(const Shape& shape) {
  uint64_t rows = 1;
  for (std::size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
  return rows;
}

}  // namespace

std::optional<Format> format_of_ggml(uint32_t id) {
  for (const ScalarType& type : scalars)
    if (type.id == id) return type.format;
  for (const Format format : matrix_formats())
    if (const GgmlLayout* ggml = info(format).ggml; ggml && ggml->type == id) return format;
  return std::nullopt;
}

std::optional<uint32_t> ggml_of_format(Format format) {
  for (const ScalarType& type : scalars)
    if (type.format == format) return type.id;
  if (const GgmlLayout* ggml = info(format).ggml) return ggml->type;
  return std::nullopt;
}

std::string ggml_type_name(uint32_t id) {
  return id < std::size(names) ? std::string(names[id]) : fmt::format("type {}", id);
}

uint64_t ggml_bytes(const FileErrors& errors, std::string_view name, const Shape& shape, Format format) {
  const GgmlLayout* ggml = info(format).ggml;
  if (!ggml) return checked_bytes(errors, name, shape, info(format).scalar_bytes);
  if (shape.empty() || shape.back() % ggml->block != 0)
    errors.bad("{} is {} in {}, whose blocks hold {} numbers of a row", name, to_string(shape),
               info(format).name, ggml->block);
  for (const uint64_t extent : shape)
    if (extent == 0) errors.bad("{} is {}: it holds nothing", name, to_string(shape));
  Shape blocks = shape;
  blocks.back() /= ggml->block;
  return checked_bytes(errors, name, blocks, ggml->bytes);
}

Tensor pack_blocks(Format format, const Shape& shape, std::span<const std::byte> blocks) {
  const GgmlLayout& ggml = *info(format).ggml;
  const uint64_t K = shape.back(), N = rows_of(shape), row_bytes = K / ggml.block * ggml.bytes;
  std::span<std::byte> bytes;
  Tensor out = make_tensor(format, shape, bytes);
  if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());  // padding behind planes
  parallel_for(N, [&](uint64_t begin, uint64_t end) {              // rows share no byte
    for (uint64_t n = begin; n < end; ++n)
      ggml.pack_row(bytes.data(), N, K, n, blocks.data() + n * row_bytes);
  });
  return out;
}

void scale_blocks(const FileErrors& errors, std::string_view name, const TensorRef& tensor, int exponent,
                  std::span<std::byte> out) {
  const GgmlLayout& ggml = *info(tensor.format).ggml;
  const uint64_t K = tensor.shape.back(), N = rows_of(tensor.shape), count = K / ggml.block;
  std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  std::vector<std::byte> row(count * ggml.bytes);
  for (uint64_t n = 0; n < N; ++n) {
    ggml.unpack_row(tensor.data.data(), N, K, n, row.data());
    for (uint64_t b = 0; b < count; ++b)
      for (const uint32_t offset : scale_offsets(ggml.type)) {
        std::byte* at = row.data() + b * ggml.bytes + offset;
        const float value = f16_to_f32(little_endian<uint16_t>(at)), product = std::ldexp(value, exponent);
        if (std::isfinite(value) && std::fabs(product) >= 65520.0f)
          errors.bad("{} has a block of scale {}, too large to be multiplied by 2^{}", name, value, exponent);
        const uint16_t half = f32_to_f16(product);
        std::memcpy(at, &half, 2);
      }
    ggml.pack_row(out.data(), N, K, n, row.data());
  }
}

}  // namespace fulmar
