// v7's tensors by BlinkDL's names.
#include "rwkv/tensors.h"

#include "base/fail.h"

namespace fulmar::rwkv {

std::vector<NeededTensor> needed_tensors(const Config& config) {
  const uint64_t C = config.C, F = config.F, V = config.V;
  std::vector<NeededTensor> list;
  const auto vector = [&](std::string name) { list.push_back({std::move(name), Change::squeeze, {C}}); };
  const auto norm = [&](const std::string& name) {
    vector(name + ".weight");
    vector(name + ".bias");
  };
  const auto matrix = [&](std::string name, uint64_t rows, uint64_t cols) {
    list.push_back({std::move(name), Change::none, {rows, cols}});
  };
  // The two factors of a LoRA-MLP, x @ w1 @ w2: stored [in, out], unlike all other matrices.
  const auto lora = [&](const std::string& name, uint64_t width) {
    list.push_back({name + "1", Change::transpose, {C, width}});
    list.push_back({name + "2", Change::transpose, {width, C}});
  };

  matrix("emb.weight", V, C);
  norm("blocks.0.ln0");
  for (uint32_t layer = 0; layer < config.L; ++layer) {
    const std::string block = fmt::format("blocks.{}.", layer), att = block + "att.", ffn = block + "ffn.";
    norm(block + "ln1");
    for (const char* mix : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a"})
      vector(att + mix);
    lora(att + "w", config.Dw);
    lora(att + "a", config.Da);
    lora(att + "g", config.Dg);
    if (layer > 0) {  // layer 0 makes v_first and never mixes it in
      vector(att + "v0");
      lora(att + "v", config.Dv);
    }
    list.push_back({att + "r_k", Change::flatten, {config.H, config.N}});
    for (const char* name : {"receptance", "key", "value", "output"}) matrix(att + name + ".weight", C, C);
    norm(att + "ln_x");
    norm(block + "ln2");
    vector(ffn + "x_k");
    matrix(ffn + "key.weight", F, C);
    matrix(ffn + "value.weight", C, F);
  }
  norm("ln_out");
  matrix("head.weight", V, C);
  return list;
}

Shape squeezed(const Shape& shape, Change change) {
  if (change != Change::squeeze) return shape;
  std::size_t first = 0;
  while (first + 1 < shape.size() && shape[first] == 1) ++first;
  return {shape.begin() + static_cast<std::ptrdiff_t>(first), shape.end()};
}

}  // namespace fulmar::rwkv
