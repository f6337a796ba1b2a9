// Looking rows up in tables that stay in host memory, as vector code: their elements as floats, and the layer norm of
// an embedding.
#pragma once
#include <cstdint>

#include "tensor/tensor.h"

namespace fulmar::cpu {

// `width` floats from element row * width on, for any format a table may have: what to_floats() gives, and of block
// formats what Linear's kernels make of them, which may differ in the last bit.
void lookup_row(const TensorRef& table, uint64_t width, uint64_t row, float* out);
// Has the row's memory fetched, where a row lies together: tables are far larger than caches.
void prefetch_row(const TensorRef& table, uint64_t width, uint64_t row);

// x = layernorm(x) of C floats in place. Mean and variance are of double precision and summed in 16 lanes whatever
// the vectors' width, without fused operations: the same bits on every machine.
void lookup_norm(float* x, const float* weight, const float* bias, float eps, uint32_t C);

}  // namespace fulmar::cpu
