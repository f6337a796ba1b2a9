// What `fulmar inspect` says about the tensors in a file.
#pragma once
#include "rwkv/config.h"

namespace fulmar::tools {

// Number, format and size of the tensors that do the same work: a line for each kind and format.
void print_tensor_groups(const Source& file, const rwkv::Config& config);

// Name, format and shape: a line for each tensor.
void print_tensors(const Source& file);

}  // namespace fulmar::tools
