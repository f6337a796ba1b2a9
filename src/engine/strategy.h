// Strategy strings: where a model runs and in which formats its weights are kept.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tensor/format.h"

namespace fulmar {

// "vulkan:1 fp16i8": device kind and number, the format of weights, and one more for the large matrices.
// fp32 says what arithmetic is done in, and every backend computes in f32: weights then stay as the file has
// them, which gives the same numbers from fewer bytes.
struct Strategy {
  std::string device;              // "vulkan", "cuda", "cpu"; empty: the best device present
  uint32_t index = 0;              // which of several devices of the kind
  std::string precision;           // as written: "fp16i8"; empty: the file's own
  std::optional<Format> base;      // weights' format; none: as the file has it
  std::optional<Format> matrices;  // format of the large matrices where it differs from `base`
};

// Throws Error(misuse) that shows the grammar, Error(unsupported) for forms this program cannot run.
Strategy parse_strategy(std::string_view text);

// The format the matrix `name` with rows of `cols` is kept in, given the file's format. LoRA factors (their
// names do not end in ".weight") and matrices whose rows do not divide into the format's blocks keep the base
// format.
Format choose_format(const Strategy& strategy, std::string_view name, Format stored, uint32_t cols);

}  // namespace fulmar
