// The list of tensors a version needs: their names in the file, their shapes there, and what canonical()
// makes of them.
#pragma once
#include <string>
#include <vector>

#include "rwkv/config.h"

namespace fulmar::rwkv {

// From the file's layout to the canonical one.
enum class Change : uint8_t {
  none,       // [rows, cols]
  squeeze,    // [1,1,C] or [C] -> [C]
  flatten,    // [H,N], [H,N,1] or [1,1,H N] -> [H N]
  transpose,  // [in,out] -> [out,in]
  columns,    // slice `part` of `parts`: [in, parts out] -> [out,in]
  plane,      // slice `part` of `parts`: [parts,in,out] -> [out,in]
  // To f32 vectors:
  flip,        // squeezed; 1 - x: v4 and v5 store the new token's share, the tape mixes in the old one's
  decay4,      // squeezed; -exp(x)
  decay5,      // [H] or [H,N], a head's number spread over its channels; exp(-exp(x))
  spread,      // [H] or [H,N] likewise
  spread_exp,  // [H] or [H,N] likewise; exp(x)
  pad,         // squeezed; zeros behind
  // To an f32 matrix:
  twice  // 2 x: the fixed strength of an expert's LoRA
};

struct NeededTensor {
  std::string name;  // canonical
  Change change;
  Shape shape;         // in the file, without extents of one in front of a vector
  std::string stored;  // the name in the file
  uint32_t part = 0, parts = 1;
};

// Every tensor a model of this shape needs. The widths Dw, Da, Dv, Dg, Dx, De and F are taken as they are:
// detect() asks with the file's own, canonical() with the padded ones. `has` tells which names the file has,
// for those that go by two.
std::vector<NeededTensor> needed_tensors(const Config& config, const Source& source);

// v7a: matrices of zeros and ones, one pair for all layers, that turn the product of a row h [De] with a
// looked up E [De, De] into Linear ops: h repeated [De De, De], times E element by element, summed [De, De
// De].
inline constexpr std::string_view deep_embed_repeat = "deep_embed.repeat", deep_embed_sum = "deep_embed.sum";

// Whether a tensor of this shape in the file is what is needed.
bool fits(const Shape& in_file, const NeededTensor& needed);

// The tensor's shape with the extents of one in front of a vector taken away, as in NeededTensor.
Shape squeezed(const Shape& shape, Change change);

// What canonical() makes of it.
Shape canonical_shape(const NeededTensor& needed);

}  // namespace fulmar::rwkv
