// Embedding lookup; see embedding.h.
#include "model/embedding.h"

#include <cmath>

#include "base/fail.h"

namespace fulmar {

Embedding::Embedding(const SourcePtr& source, const rwkv::Config& config)
    : table_(source->load("emb.weight")),
      weight_(to_floats(source->load("blocks.0.ln0.weight"))),
      bias_(to_floats(source->load("blocks.0.ln0.bias"))),
      V_(config.V),
      C_(config.C),
      eps_(config.norm_eps) {}

void Embedding::lookup(std::span<const int32_t> tokens, float* x) const {
  for (const int32_t token : tokens) {
    if (token < 0 || static_cast<uint32_t>(token) >= V_)
      fail(ErrorKind::bad_request, "token {} is outside the model's vocabulary of {}", token, V_);
    to_floats(table_, uint64_t{static_cast<uint32_t>(token)} * C_, C_, x);
    double mean = 0, variance = 0;
    for (uint32_t c = 0; c < C_; ++c) mean += x[c];
    mean /= C_;
    for (uint32_t c = 0; c < C_; ++c) variance += (x[c] - mean) * (x[c] - mean);
    const double scale = 1.0 / std::sqrt(variance / C_ + eps_);
    for (uint32_t c = 0; c < C_; ++c)
      x[c] = static_cast<float>((x[c] - mean) * scale) * weight_[c] + bias_[c];
    x += C_;
  }
}

LookedUpInputs::LookedUpInputs(const ops::Tape& tape, const SourcePtr& source, uint32_t max_rows) {
  for (const ops::ValueId id : tape.inputs) {
    const ops::Value& value = tape.values[id];
    if (value.name == "x" || value.name == "v_first") continue;  // handed over from tape to tape
    Input& input = inputs_.emplace_back();
    if (value.name == "embedded") continue;
    input.table = source->load(value.name);
    input.width = value.width;
    input.rows.resize(uint64_t{max_rows} * value.width);
  }
}

void LookedUpInputs::append(std::span<const int32_t> tokens, std::span<const float> x,
                            std::vector<std::span<const float>>& inputs) {
  for (Input& input : inputs_) {
    if (input.width == 0) {
      inputs.push_back(x);
      continue;
    }
    float* row = input.rows.data();
    for (const int32_t token : tokens) {
      to_floats(input.table, static_cast<uint32_t>(token) * input.width, input.width, row);
      row += input.width;
    }
    inputs.emplace_back(input.rows.data(), tokens.size() * input.width);
  }
}

}  // namespace fulmar
