// Element formats: the scalar types files use and the matrix formats kernels read, one table for all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fulmar_formats.h"  // generated: FULMAR_FORMATS(X), one X(name) per header in include/shared/format

namespace fulmar {

enum class Format : uint8_t {
  // Scalar types that appear in files but that no kernel reads.
  f64,
  i64,
  i32,
  i16,
  s8,
  u8,
  boolean,
#define X(name) name,
  FULMAR_FORMATS(X)
#undef X
};

// How ggml's files store a block format: rows of K / block blocks, each of them with its scales inside, where
// kernels read the same bits as planes. Moving a row from one to the other loses nothing, and no bit changes.
struct GgmlLayout {
  uint32_t type;   // its number in GGUF and ggml files
  uint32_t block;  // elements
  uint32_t bytes;  // of a block
  // Row `row` of the [N, K] matrix at `m`, from and to K / block blocks as in a file.
  void (*pack_row)(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const std::byte* blocks);
  void (*unpack_row)(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, std::byte* blocks);
};

struct FormatInfo {
  std::string_view name;       // "f16"
  std::string_view precision;  // the strategy's word for it, "fp16"; empty: not a matrix format
  uint32_t block = 1;          // K must be a multiple of this
  uint32_t chunk = 1;          // elements decode_chunk yields
  uint32_t scalar_bytes = 0;   // bytes of one element; 0 for block formats
  // Bytes of an [N, K] matrix. Scalars too.
  uint64_t (*matrix_bytes)(uint64_t N, uint64_t K) = nullptr;
  // Row `row` of the matrix at `m`, to and from K floats. Null for scalar types no kernel reads.
  void (*encode_row)(std::byte* m, uint64_t N, uint64_t K, uint64_t row, const float* values) = nullptr;
  void (*decode_row)(const std::byte* m, uint64_t N, uint64_t K, uint64_t row, float* values) = nullptr;
  const GgmlLayout* ggml = nullptr;  // null: none of ggml's block formats
};

const FormatInfo& info(Format format);
inline bool is_block(Format format) {
  return info(format).scalar_bytes == 0;
}
std::span<const Format> matrix_formats();  // every format with a header, in alphabetical order
// A format's two words, in any case of letters: "f16" or "fp16", "q4_k" or "Q4_K". Nothing for other words.
std::optional<Format> format_of_name(std::string_view word);
std::optional<Format> format_of_precision(std::string_view word);

}  // namespace fulmar
