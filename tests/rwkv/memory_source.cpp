// The tensors of a v7 checkpoint, written down once more and independently of what the program looks for.
#include "rwkv/memory_source.h"

namespace fulmar::test {

MemorySource v7_checkpoint(const V7Shape& shape) {
  MemorySource source;
  const uint64_t C = shape.H * shape.N;
  const Shape vector = shape.long_vectors ? Shape{1, 1, C} : Shape{C};
  const auto norm = [&](const std::string& name) {
    source.add(name + ".weight", {C});
    source.add(name + ".bias", {C});
  };
  source.add("emb.weight", {shape.V, C});
  source.add("head.weight", {shape.V, C});
  norm("blocks.0.ln0");
  norm("ln_out");
  for (uint64_t i = 0; i < shape.L; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    for (const char* name : {"ln1", "ln2", "att.ln_x"}) norm(block + name);
    for (const char* name : {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a"})
      source.add(block + "att." + name, vector);
    for (const auto& [letter, width] : {std::pair("w", shape.Dw), std::pair("a", shape.Da),
                                        std::pair("v", shape.Dv), std::pair("g", shape.Dg)}) {
      if (*letter == 'v' && i == 0 && !shape.first_values) continue;
      source.add(block + "att." + letter + "1", {C, width});
      source.add(block + "att." + letter + "2", {width, C});
      if (*letter == 'v') source.add(block + "att.v0", vector);
    }
    source.add(block + "att.r_k", {shape.H, shape.N});
    for (const char* name : {"receptance", "key", "value", "output"})
      source.add(block + "att." + name + ".weight", {C, C});
    source.add(block + "ffn.x_k", vector);
    source.add(block + "ffn.key.weight", {shape.F, C});
    source.add(block + "ffn.value.weight", {C, shape.F});
  }
  return source;
}

}  // namespace fulmar::test
