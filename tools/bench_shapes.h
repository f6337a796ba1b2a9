// Models for `fulmar bench --made SIZE`: the shapes of published RWKV-7 checkpoints with random weights, made in
// memory.
#pragma once
#include <string>

#include "weights/source.h"

namespace fulmar::tools {

// The sizes there are: "0.1b, 0.4b, ...".
std::string made_sizes();
// A checkpoint in f16 whose activations stay near one; a tensor is made when it is loaded. Throws Error(misuse)
// for a size that is not in the list.
SourcePtr made_model(const std::string& size);

}  // namespace fulmar::tools
