// Blocks and offsets of weights; see weight_layout.h.
#include "model/weight_layout.h"

#include <algorithm>
#include <numeric>

#include "cpu/arranged.h"

namespace fulmar {
namespace {

// Blocks are few, because drivers limit the number of allocations, and far below every driver's size limit.
constexpr uint64_t block_bytes = uint64_t{256} << 20;
constexpr uint64_t alignment = 256;

uint64_t room(const ops::Weight& weight) {
  return (weight_bytes(weight) + alignment - 1) / alignment * alignment;
}

}  // namespace

uint64_t weight_bytes(const ops::Weight& weight) {
  return info(weight.format).matrix_bytes(weight.rows, weight.cols);
}

uint64_t WeightLayout::bytes() const {
  return std::accumulate(blocks.begin(), blocks.end(), uint64_t{0});
}

WeightLayout lay_out_weights(const ops::Tape& tape, const Source& source, bool host_memory, bool one_block) {
  WeightLayout layout;
  uint64_t unplaced = 0;
  for (const ops::Weight& w : tape.weights) {
    const auto stored = host_memory ? source.info(w.name) : std::nullopt;
    layout.adopted.push_back(stored && stored->format == w.format &&
                             cpu::rounding(w.format, tape.activations) == ops::Activations::f32);
    if (!layout.adopted.back()) unplaced += room(w);
  }
  if (one_block) layout.blocks = {0};
  uint64_t used = 0;
  for (size_t i = 0; i < tape.weights.size(); ++i) {
    if (layout.adopted[i]) {
      layout.places.push_back({});
      continue;
    }
    const uint64_t bytes = room(tape.weights[i]);
    if (one_block) {
      layout.blocks[0] += bytes;
    } else if (layout.blocks.empty() || used + bytes > layout.blocks.back()) {
      // The last block is just as large as what is left to place.
      layout.blocks.push_back(std::max(bytes, std::min(block_bytes, unplaced)));
      used = 0;
    }
    layout.places.push_back({layout.blocks.size() - 1, used});
    used += bytes;
    unplaced -= bytes;
  }
  return layout;
}

}  // namespace fulmar
