// The last step of loading: a planned model goes onto its devices.
#pragma once
#include "model/model.h"
#include "model/model_plan.h"
#include "model/model_source.h"

namespace fulmar {

// How large the steps of such a model become.
StepSizes step_sizes(const LoadOptions& options, const ModelPlan& plan);

// The tuned state that was asked for. Throws Error(misuse) for an order that does not exist.
rwkv::StateFile state_file(const ModelSpec& spec);

// Opens the plan's devices, converts and copies the weights, and sets up what new sequences start from.
// Throws Error: a device that is not there or breaks, too little memory, a file that changed meanwhile.
std::unique_ptr<Model> place_model(const LoadOptions& options, ModelPlan plan, ModelSource source);

}  // namespace fulmar
