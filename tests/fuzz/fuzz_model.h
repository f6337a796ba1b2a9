// The small model that adapters, states and configurations are held against.
#pragma once
#include <string>
#include <utility>

#include "fuzz.h"

namespace fulmar::fuzz {

// A safetensors file of f32 tensors that are all ones, by name and shape, as an open model.
inline SourcePtr model_of(const std::vector<std::pair<std::string, Shape>>& tensors) {
  std::string header;
  uint64_t at = 0;
  for (const auto& [name, shape] : tensors) {
    const uint64_t end = at + 4 * element_count(shape);
    header += fmt::format("{}\"{}\":{{\"dtype\":\"F32\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                          header.empty() ? "{" : ",", name, to_string(shape), at, end);
    at = end;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length(8, '\0');
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
  static std::vector<std::string> files;  // models view them until the program ends
  std::string& file = files.emplace_back(length + header);
  for (uint64_t i = 0; i < at / 4; ++i) file.append("\0\0\x80\x3f", 4);
  return open_safetensors({"model"}, std::make_shared<const MappedFile>(std::as_bytes(std::span(file))));
}

inline const SourcePtr& small_model() {
  static const SourcePtr model = model_of({{"blocks.0.att.key.weight", {8, 8}},
                                           {"blocks.0.ffn.key.weight", {16, 8}},
                                           {"blocks.0.ln1.weight", {8}},
                                           {"head.weight", {3, 8}}});
  return model;
}

}  // namespace fulmar::fuzz
