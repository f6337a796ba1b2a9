// Two small matrices a head, on the host.
#include "model/embedding_heads.h"

#include <fmt/format.h>

#include <cmath>

#include "base/fail.h"
#include "tensor/tensor.h"

namespace fulmar {
namespace {

std::vector<float> floats_of(const Source& source, const std::string& name, const Shape& shape) {
  const auto found = source.info(name);
  if (!found) fail(ErrorKind::bad_file, "{}: {} is missing", source.label(), name);
  if (found->shape != shape)
    fail(ErrorKind::bad_file, "{}: {} is {}, expected {}", source.label(), name, to_string(found->shape), to_string(shape));
  return to_floats(source.load(name));
}

std::vector<float> multiply(std::span<const float> matrix, std::span<const float> x) {
  std::vector<float> y(x.size());
  for (size_t row = 0; row < y.size(); ++row) {
    constexpr size_t lanes = 8;  // sums that the compiler makes a vector of
    float sums[lanes] = {};
    const float* w = matrix.data() + row * x.size();
    for (size_t i = 0; i + lanes <= x.size(); i += lanes)
      for (size_t lane = 0; lane < lanes; ++lane) sums[lane] += w[i + lane] * x[i + lane];
    for (const float sum : sums) y[row] += sum;
  }
  return y;
}

}  // namespace

EmbeddingHeads::EmbeddingHeads(const Source& source, uint32_t C, uint32_t V) {
  if (source.info("embedding.rank.dense.weight")) {
    dense_ = floats_of(source, "embedding.rank.dense.weight", {C, C});
    bias_ = floats_of(source, "embedding.rank.dense.bias", {C});
    score_ = floats_of(source, "embedding.rank.score.weight", {1, C});
    return;
  }
  if (V <= static_cast<uint32_t>(end_token))
    fail(ErrorKind::bad_file, "{}: this model makes vectors, and its vocabulary of {} has no end token {}",
         source.label(), V, end_token);
  constexpr const char* words[] = {"retr", "sts", "cls"};
  for (size_t i = 0; i < heads_.size(); ++i) {
    const std::string head = fmt::format("embedding.{}.", words[i]);
    heads_[i] = {floats_of(source, head + "fc1.weight", {C, C}), floats_of(source, head + "fc2.weight", {C, C}),
                 floats_of(source, head + "norm.weight", {C}), floats_of(source, head + "norm.bias", {C})};
  }
}

std::vector<float> EmbeddingHeads::rank(std::span<const float> x) const {
  const std::vector<float> hidden = multiply(dense_, x);
  double score = 0;
  for (size_t i = 0; i < hidden.size(); ++i) score += double{score_[i]} * std::tanh(double{hidden[i]} + double{bias_[i]});
  return {static_cast<float>(score)};
}

std::vector<float> EmbeddingHeads::apply(EmbeddingTask task, std::span<const float> x) const {
  if (ranks()) return rank(x);
  constexpr double eps = 1e-5;
  const Head& head = heads_[static_cast<size_t>(task)];
  std::vector<float> hidden = multiply(head.fc1, x);
  for (float& h : hidden) h = h > 0 ? h : 0;
  std::vector<float> y = multiply(head.fc2, hidden);
  double mean = 0, variance = 0;
  for (size_t i = 0; i < y.size(); ++i) mean += y[i] += x[i];
  mean /= static_cast<double>(y.size());
  for (const float one : y) variance += (one - mean) * (one - mean);
  const double scale = 1 / std::sqrt(variance / static_cast<double>(y.size()) + eps);
  for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>((y[i] - mean) * scale * head.gain[i] + head.bias[i]);
  return y;
}

void refuse_vectors(const rwkv::Config& config) {
  if (config.embeds)
    fail(ErrorKind::unsupported, "this model makes vectors of texts (POST /v1/embeddings) and writes none");
}

}  // namespace fulmar
