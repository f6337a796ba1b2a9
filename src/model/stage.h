// One tape of a model on one device: its weights, the slots' states, and programs for the batch shapes that
// come along.
#pragma once
#include "model/layer_stream.h"
#include "model/model_plan.h"
#include "model/program_cache.h"
#include "ops/state_memory.h"

namespace fulmar {

class Stage {
 public:
  // Keeps references to plan, backend and stream. `stream` with `layer` in it for a streamed stage, else
  // null; `weights` then is null. One slot more than `slots` holds the state new sequences start from.
  Stage(const StagePlan& plan, ops::Backend& backend, std::unique_ptr<WeightStore> weights,
        LayerStream* stream, size_t layer, ops::Buffer& activations, uint32_t slots, size_t programs);

  // Without layers there is only the head: it needs no rows but the picked ones.
  bool head_only() const { return plan_.tape.state_floats == 0; }

  // Starts a batch, which may be freed on return; finish() waits for it and answers the tape's outputs, valid
  // until the next start.
  void start(const ops::Batch& batch, bool timing);
  std::span<const std::span<float>> finish();
  // Places the weights of these names anew, unless they are streamed. Programs are compiled again where they
  // may know an old place.
  void replace_weights(const Source& source, const WeightNames& names);
  // Instead of a run that would compute nothing.
  void skip();

  uint64_t state_floats() const { return plan_.tape.state_floats; }
  ops::StateMemory& states() { return *states_; }

  // Of the last run, when it was timed.
  std::vector<ops::OpTime> times() const;

 private:
  const StagePlan& plan_;
  std::unique_ptr<WeightStore> weights_;
  LayerStream* stream_;
  size_t layer_;
  std::unique_ptr<ops::StateMemory> states_;
  ProgramCache programs_;
  ops::Program* program_ = nullptr;  // of the last run
};

}  // namespace fulmar
