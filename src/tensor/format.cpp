// The table behind info(): every header of include/shared/format, compiled once in a namespace of its own.
#include "tensor/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/encode.h"

namespace fulmar::format {
using shared::Pair, shared::Quads, shared::Words, shared::uint, shared::uvec4;
using shared::unpack_f16, shared::word_as_float, shared::signed_byte;
inline constexpr const GgmlLayout* ggml = nullptr;  // of headers that name none
#include "fulmar_format_bodies.h"  // generated: namespace f16 { #include "shared/format/f16.h" } and so on
}  // namespace fulmar::format

namespace fulmar {
namespace {

template <uint64_t bytes>
uint64_t scalar_bytes(uint64_t N, uint64_t K) {
  return N * K * bytes;
}

template <uint64_t bytes>
constexpr FormatInfo scalar(std::string_view name) {
  return {name, {}, 1, 1, bytes, scalar_bytes<bytes>, nullptr, nullptr, nullptr};
}

// decode_chunk over a whole row.
template <uint32_t chunk, auto decode>
void decode_row(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* values) {
  const shared::Quads quads{reinterpret_cast<const shared::uvec4*>(m)};
  for (uint64_t c = 0; c < K / chunk; ++c) {
    float v[chunk];
    decode(quads, static_cast<uint32_t>(N), static_cast<uint32_t>(K), static_cast<uint32_t>(row),
           static_cast<uint32_t>(c), v);
    std::memcpy(values + c * chunk, v, sizeof v);
  }
}

// Block formats see finite numbers only: NaN counts as 0, an infinity as the largest finite number of its
// block. It would otherwise make the block's scale, and all that shares it, infinite or zero.
template <uint32_t block, auto encode>
void encode_ordinary(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) {
  const auto ordinary = [](float v) { return std::fabs(v) <= 1e30f; };
  if (std::all_of(values, values + K, ordinary)) return encode(m, N, K, row, values);
  std::vector<float> clean(values, values + K);
  for (uint64_t k = 0; k < K; k += block) {
    float largest = 0;
    for (uint64_t i = k; i < k + block; ++i)
      if (ordinary(clean[i])) largest = std::max(largest, std::fabs(clean[i]));
    for (uint64_t i = k; i < k + block; ++i)
      if (!ordinary(clean[i])) clean[i] = std::isnan(clean[i]) ? 0.0f : std::copysign(largest, clean[i]);
  }
  encode(m, N, K, row, clean.data());
}

template <uint32_t block, bool scalar, auto encode>
constexpr auto encoder() {
  if constexpr (scalar) {
    return encode;
  } else {
    return encode_ordinary<block, encode>;
  }
}

constexpr uint32_t bytes_if_scalar(uint64_t (*matrix_bytes)(uint64_t, uint64_t), uint32_t block) {
  const uint64_t bytes = matrix_bytes(1, block);
  return block <= 8 && bytes % block == 0 ? static_cast<uint32_t>(bytes / block) : 0;
}

constexpr std::array table = {scalar<8>("f64"), scalar<8>("i64"), scalar<4>("i32"),  scalar<2>("i16"),
                              scalar<1>("s8"),  scalar<1>("u8"),  scalar<1>("bool"),
#define X(name)                                                                                           \
  FormatInfo{                                                                                             \
      #name,                                                                                              \
      format::name::precision_name,                                                                       \
      format::name::BLOCK,                                                                                \
      format::name::CHUNK,                                                                                \
      bytes_if_scalar(format::name::matrix_bytes, format::name::BLOCK),                                   \
      format::name::matrix_bytes,                                                                         \
      encoder<format::name::BLOCK, bytes_if_scalar(format::name::matrix_bytes, format::name::BLOCK) != 0, \
              format::name::encode_row>(),                                                                \
      decode_row<format::name::CHUNK, format::name::decode_chunk>,                                        \
      format::name::ggml_layout},
                              FULMAR_FORMATS(X)
#undef X
};

constexpr std::array all_matrix_formats = {
#define X(name) Format::name,
    FULMAR_FORMATS(X)
#undef X
};

std::optional<Format> format_where(std::string_view word, std::string_view FormatInfo::*name) {
  const auto same_letter = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return lower(a) == lower(b);
  };
  for (const Format format : all_matrix_formats) {
    const std::string_view own = info(format).*name;
    if (!own.empty() && std::equal(own.begin(), own.end(), word.begin(), word.end(), same_letter))
      return format;
  }
  return std::nullopt;
}

}  // namespace

const FormatInfo& info(Format format) {
  return table[static_cast<std::size_t>(format)];
}

std::span<const Format> matrix_formats() {
  return all_matrix_formats;
}

std::optional<Format> format_of_name(std::string_view word) {
  return format_where(word, &FormatInfo::name);
}

std::optional<Format> format_of_precision(std::string_view word) {
  return format_where(word, &FormatInfo::precision);
}

}  // namespace fulmar
