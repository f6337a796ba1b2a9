// Fills in what a strategy leaves open - the device, the precision, how many layers stay on it - from the
// memory there is.
#pragma once
#include <functional>

#include "model/model_plan.h"

namespace fulmar {

using PlanOf = std::function<ModelPlan(const Strategy&)>;
using NeedsOf = std::function<std::vector<MemoryNeed>(const ModelPlan&)>;

// Without parts: the first real GPU with the first of these that fits: the file's own precision, fp16,
// fp16i8, fp16i8 with as many layers resident as fit; else the CPU. With a precision alone the same device, and as for a
// single GPU without a number of layers: that precision, streamed where it does not fit. Says in one line of the log what was chosen and why.
// Everything else is taken as it is; where it needs more than `memory_limit` (0: none) on a GPU,
// Error(out_of_memory) says how much.
ModelPlan choose_plan(const Strategy& wanted, uint32_t L, uint64_t memory_limit, const PlanOf& plan_of,
                      const NeedsOf& needs_of);

// The same for given devices, and why it chose as it did (empty where there was no choice); for tests.
struct ChosenPlan {
  ModelPlan plan;
  std::string why;
};
struct ListedDevice;
ChosenPlan choose_plan(const Strategy& wanted, uint32_t L, uint64_t memory_limit, const PlanOf& plan_of,
                       const NeedsOf& needs_of, const std::vector<ListedDevice>& devices,
                       const std::string& why_no_gpu);

}  // namespace fulmar
