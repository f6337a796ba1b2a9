// Embedding lookup; see embedding.h.
#include "model/embedding.h"

#include "base/fail.h"
#include "cpu/lookup.h"

namespace fulmar {

Embedding::Embedding(const SourcePtr& source, const rwkv::Config& config)
    : table_(source->load("emb.weight")),
      weight_(to_floats(source->load("blocks.0.ln0.weight"))),
      bias_(to_floats(source->load("blocks.0.ln0.bias"))),
      V_(config.V),
      C_(config.C),
      eps_(config.norm_eps) {}

void Embedding::lookup(std::span<const int32_t> tokens, float* x) const {
  for (const int32_t token : tokens)
    if (token < 0 || static_cast<uint32_t>(token) >= V_)
      fail(ErrorKind::bad_request, "token {} is outside the model's vocabulary of {}", token, V_);
  for (size_t i = 0; i < tokens.size(); ++i, x += C_) {
    if (i + 1 < tokens.size()) cpu::prefetch_row(table_, C_, static_cast<uint32_t>(tokens[i + 1]));
    cpu::lookup_row(table_, C_, static_cast<uint32_t>(tokens[i]), x);
    cpu::lookup_norm(x, weight_.data(), bias_.data(), eps_, C_);
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
      cpu::lookup_row(input.table, input.width, static_cast<uint32_t>(token), row);
      row += input.width;
    }
    inputs.emplace_back(input.rows.data(), tokens.size() * input.width);
  }
}

}  // namespace fulmar
