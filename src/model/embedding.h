// The embedding table, and v7a's tables, stay in the mapped file; rows are looked up (and normalised) on the
// host, so that they never take device memory and never are copied. Many rows are shared among a team of threads.
#pragma once
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "ops/tape.h"
#include "rwkv/config.h"

namespace fulmar {

class Embedding {
 public:
  Embedding(const SourcePtr& source, const rwkv::Config& config);
  // x = layernorm(emb[token]; ln0), C floats a token. Throws Error(bad_request) for a token outside [0, V).
  void lookup(std::span<const int32_t> tokens, float* x, ThreadPool& team) const;

 private:
  Tensor table_;  // [V, C] as in the file
  std::vector<float> weight_, bias_;
  uint32_t V_, C_;
  float eps_;
};

// The inputs of one tape that are looked up beside x: see rwkv::build. Most versions have none.
class LookedUpInputs {
 public:
  LookedUpInputs(const ops::Tape& tape, const SourcePtr& source, uint32_t max_rows);
  size_t count() const { return inputs_.size(); }
  // Appends the step's values in the tape's order. `x` is what Embedding::lookup made of the same tokens,
  // whose range it has checked.
  void append(std::span<const int32_t> tokens, std::span<const float> x,
              std::vector<std::span<const float>>& inputs, ThreadPool& team);

 private:
  struct Input {
    Tensor table;  // [V, width]; without data for x once more
    uint64_t width = 0;
    std::vector<float> rows;  // [max_rows, width]
  };
  std::vector<Input> inputs_;
};

}  // namespace fulmar
