// The kernels that multiply integers, as plain function tables: inputs rounded to blocks of 32, codes brought to bytes,
// and products of both. A weight is worth scale * code + offset, its code an unsigned byte; an input d * q. So of a block
//   sum w x = scale d sum(code q) + offset (d sum q),
// where sum(code q) is exact, and d sum q is known from the input. Lanes are rows of W.
#pragma once
#include <cstddef>
#include <cstdint>

#include "ops/tape.h"
#include "tensor/format.h"

namespace fulmar::cpu {

inline constexpr uint32_t input_block = 32;
inline constexpr uint32_t panel_blocks = 8;                      // that are unpacked at a time: 256 of k
inline constexpr uint32_t block_code_bytes = input_block * 16;  // of a block of k, for a group of 16 rows

// Rows of inputs lie in strips of 8; the rows behind the last whole one in a strip of 1, 4 or 8, filled up with zeros.
// A strip of W rows is, for each block of 32: d [W], d times the sum of all q, of the first 16, of the last 16 [W] each
// (floats), then the q in the order in which they are multiplied, 4 bytes of a row at a time: of i8 [8][W][4], of i16
// [8][2][W][2], first q 0 and 2 of four, then 1 and 3.
inline constexpr uint32_t strip_rows = 8;
constexpr uint32_t strip_width(uint32_t rows) {
  return rows > 4 ? 8 : rows > 1 ? 4 : 1;
}
constexpr uint64_t strip_block_bytes(uint32_t width, bool wide) {
  return width * (16 + input_block * (wide ? 2 : 1));
}
// Rows of all strips.
constexpr uint32_t padded_rows(uint32_t rows) {
  const uint32_t rest = rows % strip_rows;
  return rows - rest + (rest ? strip_width(rest) : 0);
}

struct RoundCall {
  const float* x;  // [rows, K]
  uint64_t K;
  uint32_t rows, width;
  std::byte* strip;
};

// Blocks [first, first + count) of k of a group of 16 rows, which is arranged as arranged.h says.
struct UnpackCall {
  const std::byte* group;
  uint64_t K;
  uint32_t first, count;
  uint8_t* codes;  // [count][8][16][4]; unused where codes lie in bytes anyway
  float* scales;   // [count][16], of formats whose blocks have 16 weights [count][2][16]
  float* offsets;  // likewise
};

struct Unpacker {
  Format format;
  bool halves;  // blocks of 16
  bool bytes;   // codes are bytes in the group already, from its beginning on
  void (*unpack)(const UnpackCall& call);
};

// sums[t][n] += for 16 rows n of W and the rows t of a strip.
struct ProductCall {
  const uint8_t* codes;
  const float *scales, *offsets;
  uint32_t count;      // of blocks
  const std::byte* x;  // the first block's
  float* sums;
  uint64_t sums_stride;
};
using Product = void (*)(const ProductCall& call);

struct IntegerKernels {
  void (*round[2])(const RoundCall& call);  // to i8, to i16
  const Unpacker* unpackers;
  uint32_t unpacker_count;
  // By i8 or i16, whether blocks have 16 weights, and width 1, 4, 8.
  Product products[2][2][3];
  // Codes of so many bits may be multiplied with i8; 0: none.
  uint32_t most_code_bits_of_bytes;
};
const IntegerKernels& integer_kernels();
const Unpacker& find_unpacker(Format format);

// Leaves out the instructions for dot products that go beyond the chosen instruction set; for tests.
void leave_out_dot_instructions(bool left_out);

}  // namespace fulmar::cpu
