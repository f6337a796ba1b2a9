// Checkpoints in memory; see checkpoints.h. Names and shapes are written down here independently of the
// program.
#include "rwkv/checkpoints.h"

#include <cmath>
#include <random>

namespace fulmar::test {
namespace older {
namespace {

// What v4, v5 and v6 files share.
MemorySource common_checkpoint(const std::string& mix, uint64_t A = C) {
  MemorySource source;
  const auto norm = [&](const std::string& name) {
    source.add(name + ".weight", {C});
    source.add(name + ".bias", {C});
  };
  source.add("emb.weight", {V, C});
  source.add("head.weight", {V, C});
  norm("blocks.0.ln0");
  norm("ln_out");
  for (uint64_t i = 0; i < L; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    norm(block + "ln1");
    norm(block + "ln2");
    for (const char* letter : {"k", "v", "r"}) source.add(block + "att." + mix + letter, {1, 1, C});
    for (const char* letter : {"k", "r"}) source.add(block + "ffn." + mix + letter, {1, 1, C});
    for (const char* name : {"receptance", "key", "value"})
      source.add(block + "att." + name + ".weight", {A, C});
    source.add(block + "att.output.weight", {C, A});
    source.add(block + "ffn.key.weight", {F, C});
    source.add(block + "ffn.value.weight", {C, F});
    source.add(block + "ffn.receptance.weight", {C, C});
  }
  return source;
}

void add_to_layers(MemorySource& source, const std::string& name, const Shape& shape) {
  for (uint64_t i = 0; i < L; ++i) source.add("blocks." + std::to_string(i) + "." + name, shape);
}

}  // namespace

MemorySource v4_checkpoint(uint64_t A) {
  MemorySource source = common_checkpoint("time_mix_", A);
  add_to_layers(source, "att.time_decay", {A});
  add_to_layers(source, "att.time_first", {A});
  return source;
}

MemorySource v5_checkpoint(const Shape& decay, const char* first, bool gate) {
  MemorySource source = common_checkpoint("time_mix_");
  add_to_layers(source, "att.time_decay", decay);
  add_to_layers(source, std::string("att.") + first, decay);
  add_to_layers(source, "att.ln_x.weight", {C});
  add_to_layers(source, "att.ln_x.bias", {C});
  if (gate) {
    add_to_layers(source, "att.time_mix_g", {1, 1, C});
    add_to_layers(source, "att.gate.weight", {C, C});
  }
  return source;
}

MemorySource v6_checkpoint() {
  MemorySource source = common_checkpoint("time_maa_");
  for (const char* mix : {"x", "w", "g"})
    add_to_layers(source, std::string("att.time_maa_") + mix, {1, 1, C});
  add_to_layers(source, "att.time_maa_w1", {C, 5 * 3});
  add_to_layers(source, "att.time_maa_w2", {5, 3, C});
  add_to_layers(source, "att.time_decay", {1, 1, C});
  add_to_layers(source, "att.time_decay_w1", {C, 6});
  add_to_layers(source, "att.time_decay_w2", {6, C});
  add_to_layers(source, "att.time_faaaa", {H, N});
  add_to_layers(source, "att.gate.weight", {C, C});
  add_to_layers(source, "att.ln_x.weight", {C});
  add_to_layers(source, "att.ln_x.bias", {C});
  return source;
}

}  // namespace older

namespace {

MemorySource checkpoint(const std::string& version) {
  using older::H, older::N;
  if (version == "v4") return older::v4_checkpoint(48);
  if (version == "v5.0") return older::v5_checkpoint({H}, "time_first", false);
  if (version == "v5.1") return older::v5_checkpoint({H, 1, 1}, "time_first", true);
  if (version == "v5.2") return older::v5_checkpoint({H, N}, "time_faaaa", true);
  if (version == "v6") return older::v6_checkpoint();
  const V7Shape shape;
  MemorySource source = v7_checkpoint(shape);
  if (version == "v7") return source;
  const uint64_t C = shape.H * shape.N, De = 8;
  for (uint64_t i = 0; i < shape.L; ++i) {
    const std::string ffn = "blocks." + std::to_string(i) + ".ffn.";
    source.add(ffn + "s_emb.weight", {shape.V, De * De});
    source.add(ffn + "s_emb_x.weight", {De * De, C});
    source.add(ffn + "s1", {C, De});
    source.add(ffn + "s2", {De, shape.F});
    source.add(ffn + "s0", {shape.F});
  }
  return source;
}

}  // namespace

MemorySource random_checkpoint(const std::string& version, uint32_t seed) {
  MemorySource source = checkpoint(version);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform;
  for (auto& [name, tensor] : source.tensors) {
    const Shape shape = tensor.shape;
    std::vector<float> values(element_count(shape));
    const bool matrix = shape.size() >= 2 && shape[0] > 1 && shape.back() > 1;
    const bool mix = name.find("time_m") != name.npos || name.find(".x_") != name.npos;
    for (float& value : values)
      if (name.find("time_decay") != name.npos && !name.ends_with("1") && !name.ends_with("2"))
        value = uniform(generator) * 4 - 4;
      else if (matrix)
        value = normal(generator) / std::sqrt(static_cast<float>(shape.back()));
      else if (mix)
        value = uniform(generator);
      else
        value = normal(generator) * 0.2f + (name.ends_with(".weight") ? 1.0f : 0.0f);
    tensor = from_floats(values, shape);
  }
  return source;
}

std::string safetensors_of(const MemorySource& source) {
  std::string header = "{", data;
  for (const auto& [name, tensor] : source.tensors) {
    const uint64_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
    header += (begin ? ",\"" : "\"") + name + "\":{\"dtype\":\"F32\",\"shape\":" + to_string(tensor.shape) +
              ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length;
  for (uint64_t left = header.size(), i = 0; i < 8; ++i, left >>= 8) length += static_cast<char>(left & 255);
  return length + header + data;
}

}  // namespace fulmar::test
