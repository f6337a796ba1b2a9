// Strategy strings: which layers run on which device, and in which formats their weights are kept.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/tape.h"

namespace fulmar {

// "vulkan:1 fp16i8 *10+": device kind and number, the format of weights, one more for the large matrices, and
// how many layers. fp32 says what arithmetic is done in: weights then stay as the file has them, which gives
// the same numbers from fewer bytes, and matrix units that take f16 inputs are left alone.
struct StrategyPart {
  std::string device;              // "vulkan", "cuda", "cpu"
  uint32_t index = 0;              // which of several devices of the kind
  std::string precision;           // in lower case: "fp16i8"; empty: the file's own
  std::optional<Format> base;      // weights' format; none: as the file has it
  std::optional<Format> matrices;  // format of the large matrices where it differs from `base`
  std::optional<uint32_t> layers;  // *N
  bool streams = false;            // *N+

  bool same_device(const StrategyPart& other) const { return device == other.device && index == other.index; }
};

struct Strategy {
  std::string text;                 // as written
  std::vector<StrategyPart> parts;  // empty: choose (nothing was written, or "auto")
  std::string precision = {};       // what was written behind "auto", in lower case: only the device is chosen then
};

// Parts joined by "->". Throws Error(misuse) that names the wrong word and its place and shows the grammar.
Strategy parse_strategy(std::string_view text);

// The strategy in its usual spelling: "vulkan:0 fp16 *20+ -> cpu fp32".
std::string to_string(const Strategy& strategy);

// What a part gets: `units` consecutive units, of which those behind the first `resident` are streamed. A
// model of L layers has L + 1 units; the last is the final norm with the head.
struct Share {
  uint32_t units = 0, resident = 0;
};

// One share for each part, `units` in sum. Counted parts are served in order until nothing is left. Of what
// remains then, the last part with a + streams everything; without one, the parts without a count share it
// evenly, and if all have a count, the last part gets it.
std::vector<Share> share_units(const std::vector<StrategyPart>& parts, uint32_t units);

// The format the matrix `name` with rows of `cols` is kept in, given the file's format. These keep the base
// format: LoRA factors (their names do not end in ".weight"), matrices whose rows do not divide into the
// format's blocks, and att.value. What that one makes is stored in the state for good, and layer 0's is
// blended into every other layer, so its rounding is what shows first: with it in i8 a model that reverses
// 600 of 600 digit strings misses 5 of them, with it in f16 none. The price is 0.6 bits a weight.
Format choose_format(const StrategyPart& part, std::string_view name, Format stored, uint32_t cols);

// Whether matrix units may take f16 inputs, given the format the file keeps its matrices in: a 16-bit
// precision asks for it, fp32 forbids it.
bool half_inputs(const StrategyPart& part, Format stored);

// What integer kernels may round inputs to: fp32 forbids it, else the formats decide.
ops::Activations activations(const StrategyPart& part);
// The words for what they shall round to: "f32", "i16", "i8". Throws Error(misuse) for others.
ops::Activations parse_activations(std::string_view word);

}  // namespace fulmar
