// The order in which the integer kernels read matrices of block formats: 16 rows of W side by side, so that a vector's
// lanes are rows and sums need no folding. Weights are brought into it as they are loaded; the bits stay the same.
//
// A group of 16 rows lies together, as planes, one behind the other: first the codes, then what scales them. A plane is
// cut into units of 1, 2 or 4 bytes, which are [K / block][unit][16] for the group; so the 4 bytes that hold codes
// k .. k + 3 (or of nibbles k .. k + 3 and k + 16 .. k + 19) of 16 rows are one line of 64 bytes. Codes of 8 bits are
// kept as unsigned ones, 128 more than they are worth. The rows behind the last whole group are a group of fewer rows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/tape.h"

namespace fulmar::cpu {

inline constexpr uint32_t group_rows = 16;

// Whether matrices of a format are kept in this order, and what then becomes of the inputs they are multiplied with:
// i16, i8, or f32 where they are not. Of formats whose own rounding takes more than ten times what 8 bits take off an
// input (0.0054 of it, docs/formats.md), `by_format` makes that i8, of others i16. Codes of 8 bits are multiplied with 16
// where the machine has no instruction that multiplies 8 bits with 8.
ops::Activations rounding(Format format, ops::Activations wanted);

// Bytes of `rows` rows, at most a group.
uint64_t group_bytes(Format format, uint64_t K, uint64_t rows);

// The matrix [N, K] at `from`, which is as its format's header says, in this order. On several threads.
void arrange(Format format, uint64_t N, uint64_t K, const std::byte* from, std::byte* to);

// A group of fewer rows as one of 16: what is added is zero.
void widen(Format format, uint64_t K, uint64_t rows, const std::byte* from, std::byte* to);

}  // namespace fulmar::cpu
