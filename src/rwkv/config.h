// What a checkpoint is: its RWKV version and shapes, read from the tensors present.
#pragma once
#include <cstdint>
#include <string_view>

#include "weights/source.h"

namespace fulmar::rwkv {

// v5.0 has no gate, v5.1 one decay a head, v5.2 one a channel; v7a is v7 with DeepEmbed.
enum class Version : uint8_t { v4, v5_0, v5_1, v5_2, v6, v7, v7a };
std::string_view name(Version version);  // "v7"

struct Config {
  Version version = Version::v7;
  uint32_t L = 0;                           // layers
  uint32_t C = 0;                           // channels
  uint32_t A = 0;                           // channels of the recurrence; H N but in v4, which has no heads
  uint32_t H = 0;                           // heads; 0 in v4
  uint32_t N = 0;                           // head size; 0 in v4
  uint32_t F = 0;                           // hidden width of the channel mix
  uint32_t V = 0;                           // vocabulary
  uint32_t Dw = 0, Da = 0, Dv = 0, Dg = 0;  // LoRA widths of v7; Dv is 0 in a model of one layer. v6: Dw
  uint32_t Dx = 0;                          // v6: LoRA width of each of the five mixes
  uint32_t De = 0;                          // v7a: DeepEmbed looks up De x De numbers a token and layer
  // Mixture of LoRA experts in v7's channel mix: experts (0: none), how many of them a token has, the rows of
  // the router (padded) and the rank of the experts' factors.
  uint32_t E = 0, active = 0, Er = 0, Dm = 0;
  float norm_eps = 1e-5f;        // every layer norm
  float head_norm_eps = 64e-5f;  // the group norm over heads; file metadata "gn_eps" overrides
  bool embeds = false;  // v7 of EmbeddingRWKV: no head, what the final norm gives is the output
  uint64_t parameters = 0;

  bool operator==(const Config&) const = default;
  bool is_v5() const { return version >= Version::v5_0 && version <= Version::v5_2; }
  uint32_t outputs() const { return embeds ? C : V; }  // numbers of a picked row
  bool is_v7() const { return version >= Version::v7; }
  bool has_gate() const { return version >= Version::v5_1 && version <= Version::v6; }  // att.gate.weight
};

// Reads version and shapes from the tensors of a checkpoint with RWKV's own names and checks every tensor the
// version needs against them. Throws Error(bad_file): "model.pth: blocks.3.att.key.weight is [768,768],
// expected [1024,1024]"; Error(unsupported) for versions that do not run here, by name, and for a tensor that
// the version does not have.
Config detect(const Source& source);

// Wraps a checkpoint so that all versions mean the same by the same name: vectors squeezed to [width], LoRA
// factors transposed to [out, in] and padded with zeros to widths that are multiples of 8, mixes as the share
// of the token before, decays as the recurrence multiplies (v4: adds) them, one number a channel.
// `emb.weight` stays as it lies in the file; blocks.0.ln0 is applied at lookup, so that no copy of the
// embedding is ever made. Matrices in block formats pass through as they are.
SourcePtr canonical(SourcePtr source, const Config& config);

}  // namespace fulmar::rwkv
