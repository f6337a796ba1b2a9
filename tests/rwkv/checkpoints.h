// Small checkpoints of the versions before v7, and of any version with random weights, in memory.
#pragma once
#include "rwkv/memory_source.h"

namespace fulmar::test {

namespace older {

constexpr uint64_t L = 2, C = 32, H = 4, N = 8, F = 44, V = 11;

// `A` channels of the recurrence.
MemorySource v4_checkpoint(uint64_t A = C);
// `decay` and `first` of one shape: [H], [H,1,1], [H,N] ...
MemorySource v5_checkpoint(const Shape& decay, const char* first, bool gate);
MemorySource v6_checkpoint();

}  // namespace older

// A small checkpoint of a version by its name, with random weights of a size that keeps logits near one.
MemorySource random_checkpoint(const std::string& version, uint32_t seed);

// As a safetensors file.
std::string safetensors_of(const MemorySource& source);

}  // namespace fulmar::test
