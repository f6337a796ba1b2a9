// The embedding table stays in the mapped file; rows are looked up and normalised on the host, so that it
// never takes device memory and never is copied.
#pragma once
#include <span>
#include <vector>

#include "rwkv/config.h"

namespace fulmar {

class Embedding {
 public:
  Embedding(const SourcePtr& source, const rwkv::Config& config);
  // x = layernorm(emb[token]; ln0), C floats a token. Throws Error(bad_request) for a token outside [0, V).
  void lookup(std::span<const int32_t> tokens, float* x) const;

 private:
  Tensor table_;  // [V, C] as in the file
  std::vector<float> weight_, bias_;
  uint32_t V_, C_;
  float eps_;
};

}  // namespace fulmar
