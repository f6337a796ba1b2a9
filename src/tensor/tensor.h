// Tensors: TensorRef views bytes that someone else owns (a mapped file), Tensor keeps its bytes alive.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/format.h"

namespace fulmar {

// Row-major extents, outermost first. Products are checked for overflow where shapes enter (weights readers).
using Shape = std::vector<uint64_t>;

uint64_t element_count(const Shape& shape);  // throws Error(bad_file) on overflow past 2^62
std::string to_string(const Shape& shape);   // "[2,64]"

struct TensorRef {
  Format format = Format::f32;
  Shape shape;
  std::span<const std::byte>
      data;  // contiguous, element_count * scalar_bytes (or matrix_bytes) long; any alignment
};

struct Tensor : TensorRef {
  std::shared_ptr<const void> owner;  // what keeps `data` alive; null when the file behind it does
};

// Allocates storage of the right size, 64-byte aligned; `bytes` is the writable view of it.
Tensor make_tensor(Format format, Shape shape, std::span<std::byte>& bytes);

// `count` elements from `first` on, as floats, from any format. Of block formats whole rows at a time are
// decoded: first and count are multiples of K there, and the data aligned as make_tensor's.
void to_floats(const TensorRef& tensor, uint64_t first, uint64_t count, float* out);
std::vector<float> to_floats(const TensorRef& tensor);
Tensor from_floats(std::span<const float> values, Shape shape);  // an f32 tensor

// A matrix [N, K] in another format. Columns and rows may be padded with zeros up to (rows, cols) >= (N, K).
// Source: any format. Target: any matrix format whose block divides `cols`. Work is spread over
// threads.
void quantize(const TensorRef& matrix, Format target, uint64_t rows, uint64_t cols, std::span<std::byte> out);

}  // namespace fulmar
