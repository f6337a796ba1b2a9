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

  // Reads "embedding.retr.fc1.weight" and its like. Throws Error(bad_file) for what is missing or has another shape,
  // and where a vocabulary of V tokens has no end token.
  EmbeddingHeads(const Source& source, uint32_t C, uint32_t V);

  size_t channels() const { return heads_[0].gain.size(); }
  std::vector<float> apply(EmbeddingTask task, std::span<const float> x) const;

 private:
  struct Head {
    std::vector<float> fc1, fc2;    // [C, C], output by output
    std::vector<float> gain, bias;  // [C], of the norm
  };
  std::array<Head, 3> heads_;  // by EmbeddingTask
};

// For whoever wants logits: throws Error(unsupported) where the model embeds, whose rows are vectors and no logits.
void refuse_vectors(const rwkv::Config& config);

}  // namespace fulmar
