// A tape: the ops of a model (or of some of its layers) with the values and weights they speak of.
#pragma once
#include <string>
#include <vector>

#include "ops/ops.h"
#include "tensor/format.h"

namespace fulmar::ops {

struct Value {
  std::string name;  // "blocks.3.att.xr", for dumps and errors
  uint32_t width;    // floats a row
  bool picked;       // rows = the step's picks instead of its rows
};

struct Weight {
  std::string name;  // canonical: "blocks.3.att.receptance.weight"
  uint32_t rows;     // N; 1 for vectors
  uint32_t cols;     // K, padded to what `format` needs
  Format format;     // vectors are f32
};

// What the inputs of Linears may be rounded to where the weight's format has integer codes: 16 or 8 bits in blocks of 32
// that share a scale. `by_format`: 8 bits where the format's own rounding hides that, else 16.
enum class Activations : uint8_t { f32, i16, i8, by_format };

struct Tape {
  std::vector<Op> ops;
  std::vector<Value> values;
  std::vector<Weight> weights;
  std::vector<ValueId> inputs;   // filled from Batch::inputs before the first op
  std::vector<ValueId> outputs;  // readable after the last op
  uint32_t state_floats = 0;     // floats of state a slot has for these ops
  // Matrix units may round both inputs of a Linear to f16 (past 65504 clamped); sums stay f32. A permission:
  // a backend without such units computes in f32 all the same.
  bool half_inputs = false;
  // A permission as well: a backend that has no integer kernels computes in f32 all the same.
  Activations activations = Activations::f32;
  // A row's results must be the same bits whatever other rows the step has: those of decode rows in company
  // of any size, those of prompts however they are cut. What that costs is in docs/performance.md.
  bool reproducible = false;

  ValueId value(std::string name, uint32_t width, bool picked = false);
  WeightId weight(std::string name, uint32_t rows, uint32_t cols, Format format);
  WeightId vector(std::string name, uint32_t width);
};

// Which values an op reads and writes (accumulating Linear does both), which weights it reads, and whether it
// touches the slots' state (offset and floats; zero floats where it does not).
struct Uses {
  std::vector<ValueId> reads, writes;
  std::vector<WeightId> weights;
  uint32_t state = 0, state_floats = 0;
};
Uses uses(const Tape& tape, const Op& op);

// Throws Error(internal) naming the op when widths, formats or offsets do not fit together. Every backend
// calls it.
void check(const Tape& tape);

// One line an op: "12 linear blocks.0.att.xr [1024] x blocks.0.att.receptance.weight f16 [1024,1024] -> ...".
std::string dump(const Tape& tape);

// What must cross memory, and the arithmetic, for one step of a shape: the denominator of every timing.
struct Cost {
  uint64_t weight_bytes = 0, activation_bytes = 0, state_bytes = 0, flops = 0;
  uint64_t bytes() const { return weight_bytes + activation_bytes + state_bytes; }
};
struct BatchShape;
Cost cost(const Tape& tape, const Op& op, const BatchShape& shape);
Cost cost(const Tape& tape, const BatchShape& shape);

}  // namespace fulmar::ops
