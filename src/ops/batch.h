// What one step works on: ragged segments of rows, one per slot taking part.
#pragma once
#include <cstdint>
#include <span>

namespace fulmar::ops {

// Capacities a program is compiled for; a batch may use fewer of each.
struct BatchShape {
  uint32_t rows = 0, segments = 0, picks = 0;
  // For tapes that are reproducible, on backends that keep the kinds of rows apart (Caps::rows_apart):
  uint32_t decodes = 0;  // decode rows
  bool prompts = true;   // whether there may be other rows
  auto operator<=>(const BatchShape&) const = default;
};

// `rows` consecutive rows from `first` on belong to one sequence, whose state lives in `slot`.
struct Segment {
  uint32_t slot, first, rows;
  bool decode = false;  // one row, the token drawn last; else a part of a prompt
};

struct Batch {
  uint32_t rows = 0;                  // rows in use; the segments cover [0, rows) without gap or overlap
  std::span<const Segment> segments;  // each slot at most once
  std::span<const uint32_t> picks;    // row indices whose logits are wanted, ascending
  std::span<const std::span<const float>> inputs;  // one per tape input, [rows, width]
  uint32_t decodes = 0;  // the first rows are decode rows, each picked where anything is
};

}  // namespace fulmar::ops
