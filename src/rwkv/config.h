// What a checkpoint is: its RWKV version and shapes, read from the tensors present.
#pragma once
#include <cstdint>
#include <string_view>

#include "weights/source.h"

namespace fulmar::rwkv {

enum class Version : uint8_t { v7 };
std::string_view name(Version version);  // "v7"

struct Config {
  Version version = Version::v7;
  uint32_t L = 0;                           // layers
  uint32_t C = 0;                           // channels
  uint32_t H = 0;                           // heads
  uint32_t N = 0;                           // head size
  uint32_t F = 0;                           // hidden width of the channel mix
  uint32_t V = 0;                           // vocabulary
  uint32_t Dw = 0, Da = 0, Dv = 0, Dg = 0;  // LoRA widths of v7; Dv is 0 in a model of one layer
  float norm_eps = 1e-5f;                   // every layer norm
  float head_norm_eps = 64e-5f;             // the group norm over heads; file metadata "gn_eps" overrides
  uint64_t parameters = 0;
};

// Reads version and shapes from the tensors of a checkpoint with RWKV's own names and checks every tensor the
// version needs against them. Throws Error(bad_file): "model.pth: blocks.3.att.key.weight is [768,768],
// expected [1024,1024]".
Config detect(const Source& source);

// Wraps a checkpoint so that all versions mean the same by the same name: vectors squeezed to [width], LoRA
// factors transposed to [out, in] and padded with zeros to widths that are multiples of 8, r_k flattened.
// `emb.weight` stays as it lies in the file; blocks.0.ln0 is applied at lookup, so that no copy of the
// embedding is ever made.
SourcePtr canonical(SourcePtr source, const Config& config);

}  // namespace fulmar::rwkv
