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
  flatten,    // [H,N] -> [H N]
  transpose,  // [in,out] -> [out,in]
};

struct NeededTensor {
  std::string name;
  Change change;
  Shape shape;  // in the file, without extents of one in front of a vector
};

// Every tensor a model of this shape needs. The widths Dw, Da, Dv, Dg and F are taken as they are: detect()
// asks with the file's own, canonical() with the padded ones.
std::vector<NeededTensor> needed_tensors(const Config& config);

// The tensor's shape with the extents of one in front of a vector taken away, as in NeededTensor.
Shape squeezed(const Shape& shape, Change change);

}  // namespace fulmar::rwkv
