// The tasks of the ops that stay within a row, a channel or a head. Pointers are resolved at compile time.
#pragma once
#include <array>
#include <memory>

#include "cpu/kernels.h"
#include "cpu/task.h"
#include "ops/ops.h"

namespace fulmar::cpu {

// The slots' states, by slot.
struct States {
  float* const* slots = nullptr;
  float* at(const ops::Segment& s, uint32_t offset) const { return slots[s.slot] + offset; }
};

struct NormArgs {
  const float *x = nullptr, *weight = nullptr, *bias = nullptr;
  float* y = nullptr;  // unused when fused into a shift
  float eps = 0;
  uint32_t C = 0;
  bool picked = false;
};

struct ShiftArgs {
  const float* x = nullptr;  // unused when a norm is fused in
  States states;
  uint32_t carry = 0, C = 0, count = 0;
  std::array<ShiftOutput, 6> outputs{};  // row 0 of delta and y
  bool peek = false;                     // leaves the carry as it is
};

struct Mix4Args {
  const float *r = nullptr, *k = nullptr, *v = nullptr, *decay = nullptr, *first = nullptr;
  float* y = nullptr;
  States states;
  uint32_t state = 0, A = 0;
};

// Pointers of a Mix6Row or Mix7Row at row 0, channel 0 of their values and weights; state and scratch are set
// per row.
struct Mix6Args {
  Mix6Row row{};
  bool fixed_decay = false;  // w is a weight [A], not a value
  States states;
  uint32_t state = 0, heads = 0;
};
struct Mix7Args {
  Mix7Row row{};
  States states;
  uint32_t state = 0, heads = 0;
};

struct ExpertsArgs {
  const float* scores = nullptr;
  uint32_t scores_width = 0;
  float* k = nullptr;
  std::array<float*, ops::Experts::most> h{};
  uint32_t F = 0, count = 0, active = 0;
};

std::unique_ptr<Task> make_norm(const NormArgs& args);
std::unique_ptr<Task> make_shift(const ShiftArgs& args);
std::unique_ptr<Task> make_norm_shift(const NormArgs& norm, const ShiftArgs& shift);
std::unique_ptr<Task> make_mix4(const Mix4Args& args);
std::unique_ptr<Task> make_mix6(const Mix6Args& args);
std::unique_ptr<Task> make_mix7(const Mix7Args& args);
std::unique_ptr<Task> make_experts(const ExpertsArgs& args);
std::unique_ptr<Task> make_pick(const float* x, float* y, uint32_t C);

}  // namespace fulmar::cpu
