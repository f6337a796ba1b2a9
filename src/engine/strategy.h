// Strategy strings: where a model runs and in which formats its weights are kept.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tensor/format.h"

namespace fulmar {

// "vulkan:1 fp16i8": device kind and number, the format of weights, and one more for the large matrices.
// fp32 says what arithmetic is done in: weights then stay as the file has them, which gives the same numbers
// from fewer bytes, and matrix units that take f16 inputs are left alone.
struct Strategy {
  std::string device;              // "vulkan", "cuda", "cpu"; empty: the best device present
  uint32_t index = 0;              // which of several devices of the kind
  std::string precision;           // as written: "fp16i8"; empty: the file's own
  std::optional<Format> base;      // weights' format; none: as the file has it
  std::optional<Format> matrices;  // format of the large matrices where it differs from `base`
};

// Throws Error(misuse) that shows the grammar, Error(unsupported) for forms this program cannot run.
Strategy parse_strategy(std::string_view text);

// The format the matrix `name` with rows of `cols` is kept in, given the file's format. These keep the base
// format: LoRA factors (their names do not end in ".weight"), matrices whose rows do not divide into the
// format's blocks, and att.value. What that one makes is stored in the state for good, and layer 0's is
// blended into every other layer, so its rounding is what shows first: with it in i8 a model that reverses
// 600 of 600 digit strings misses 5 of them, with it in f16 none. The price is 0.6 bits a weight.
Format choose_format(const Strategy& strategy, std::string_view name, Format stored, uint32_t cols);

// Whether matrix units may take f16 inputs, given the format the file keeps its matrices in: a 16-bit
// precision asks for it, fp32 forbids it.
bool half_inputs(const Strategy& strategy, Format stored);

}  // namespace fulmar
