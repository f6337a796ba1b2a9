// A tensor as the bytes a file keeps it in, made piece by piece.
#pragma once
#include <cstdint>
#include <functional>
#include <span>

#include "tensor/tensor.h"

namespace fulmar {

// Where block formats keep a row: in planes as kernels read them, or as ggml's blocks one after the other.
enum class BlockLayout { planes, ggml };

// Bytes of a tensor of this shape. Throws Error(bad_file) where its rows are no whole blocks.
uint64_t stored_bytes(Format format, const Shape& shape, BlockLayout layout);

// Hands the bytes of `tensor` in `format` to `sink`, in order. Empty pieces mean only that time has passed.
// Besides the tensor itself, memory holds a few MiB, and for planes the tensor's new bytes.
using ByteSink = std::function<void(std::span<const std::byte>)>;
void stream_tensor(const Tensor& tensor, Format format, BlockLayout layout, const ByteSink& sink);

}  // namespace fulmar
