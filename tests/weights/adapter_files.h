// Small models and adapters for tests: tensors with random numbers, written as safetensors.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/half.h"
#include "weights/source.h"
#include "weights/writers.h"

namespace fulmar::test {

struct MadeTensor {
  Shape shape;
  std::vector<double> values;  // as they are in the file, after rounding to its type
  std::string bytes;
  std::string dtype;
};
using MadeTensors = std::map<std::string, MadeTensor>;

// Numbers in (-1, 1), the same for the same seed.
inline MadeTensor made(Shape shape, uint32_t seed, const std::string& dtype = "F32") {
  MadeTensor tensor{std::move(shape), {}, {}, dtype};
  uint32_t state = seed * 2654435761u + 12345;
  for (uint64_t i = 0; i < element_count(tensor.shape); ++i) {
    state = state * 1664525u + 1013904223u;
    const float value = static_cast<float>(state >> 8) / (1 << 23) - 1;
    if (dtype == "F16" || dtype == "BF16") {
      const uint16_t half = dtype == "F16" ? f32_to_f16(value) : f32_to_bf16(value);
      tensor.values.push_back(static_cast<double>(dtype == "F16" ? f16_to_f32(half) : bf16_to_f32(half)));
      tensor.bytes += raw<uint16_t>({half});
    } else if (dtype == "F64") {
      tensor.values.push_back(static_cast<double>(value));
      tensor.bytes += raw<double>({static_cast<double>(value)});
    } else {
      tensor.values.push_back(static_cast<double>(value));
      tensor.bytes += raw<float>({value});
    }
  }
  return tensor;
}

inline std::string safetensors_of(const MadeTensors& tensors) {
  std::string header = "{", data;
  for (const auto& [name, tensor] : tensors) {
    header += (header.size() > 1 ? ",\"" : "\"") + name + R"(":{"dtype":")" + tensor.dtype + R"(","shape":)" +
              to_string(tensor.shape) + R"(,"data_offsets":[)" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + tensor.bytes.size()) + "]}";
    data += tensor.bytes;
  }
  return safetensors(header + "}", data);
}

}  // namespace fulmar::test
