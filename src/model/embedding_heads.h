// The heads of EmbeddingRWKV's checkpoints: from what the final norm gives to the vector of a text.
#pragma once
#include <array>
#include <span>
#include <vector>

#include "fulmar/model.h"
#include "rwkv/config.h"
#include "weights/source.h"

namespace fulmar {

// vector = norm(x + fc2 relu(fc1 x)), with x [C] the row of the text's end token; see rwkv-emb of PyPI, which
// takes the mean where there are several.
class EmbeddingHeads {
 public:
  static constexpr Token end_token = 65535;  // stands at the end of every text

  // Reads "embedding.retr.fc1.weight" and its like, or "embedding.rank.dense.weight". Throws Error(bad_file) for what is missing or has another shape,
  // and where a vocabulary of V tokens has no end token.
  EmbeddingHeads(const Source& source, uint32_t C, uint32_t V);

  // Whether they are a reranker's, which has one number for a text: score tanh(dense x + bias), whatever the task.
  bool ranks() const { return !score_.empty(); }
  std::vector<float> apply(EmbeddingTask task, std::span<const float> x) const;

 private:
  struct Head {
    std::vector<float> fc1, fc2;    // [C, C], output by output
    std::vector<float> gain, bias;  // [C], of the norm
  };
  std::vector<float> rank(std::span<const float> x) const;

  std::array<Head, 3> heads_;  // by EmbeddingTask
  std::vector<float> dense_, bias_, score_;  // [C, C], [C], [C]
};

// For whoever wants logits: throws Error(unsupported) where the model embeds, whose rows are vectors and no logits.
void refuse_vectors(const rwkv::Config& config);

}  // namespace fulmar
