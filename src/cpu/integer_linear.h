// Linear by integers: inputs are rounded once for all Linears that share them, codes are unpacked to bytes once for all
// rows.
#pragma once
#include <memory>

#include "cpu/linear.h"
#include "ops/tape.h"

namespace fulmar::cpu {

// `args.w` is arranged (arranged.h), `args.packed` where the task of make_rounding() writes. What rows give does not
// depend on how many there are.
std::unique_ptr<Task> make_integer_linear(const LinearArgs& args, ops::Activations inputs, uint32_t threads);

// Rounds x [rows, K] to strips (integer_kernels.h).
std::unique_ptr<Task> make_rounding(const float* x, uint32_t K, bool picked, ops::Activations to, float* rounded);
uint64_t rounded_floats(uint32_t rows, uint32_t K, ops::Activations to);

}  // namespace fulmar::cpu
