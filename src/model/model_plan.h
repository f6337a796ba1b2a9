// Where each layer of a model goes, as one tape for each run of layers, and the memory that takes.
#pragma once
#include <string>
#include <vector>

#include "model/strategy.h"
#include "rwkv/forward.h"

namespace fulmar {

// A run of layers that one tape computes on one device. A streamed one has a single layer (or the head): its
// weights stay in host memory and are copied to the device before each use.
struct StagePlan {
  size_t device = 0;  // in ModelPlan::devices
  rwkv::LayerRange layers{0, 0};
  bool streamed = false;
  ops::Tape tape;
};

struct ModelPlan {
  Strategy strategy;                  // with every precision filled in
  std::vector<StrategyPart> devices;  // the first part of each device that has layers
  std::vector<StagePlan> stages;      // in the order of the layers
  ops::Tape whole;                    // all layers as one tape: what is computed, wherever that is
  uint64_t weight_bytes() const;
};

// Neighbours on one device become one tape, so that nothing leaves the device between them, unless they
// differ in what matrix units may round. On the cpu nothing is streamed: its weights are in host memory
// anyway.
ModelPlan plan_model(const Strategy& strategy, const rwkv::Config& config, const Source& source);

// How large a model's steps become.
struct StepSizes {
  uint32_t slots = 1;  // sequences that can be live at once
  uint32_t rows = 1;   // of the largest step
  uint32_t picks = 1;  // rows whose logits are wanted at once
};

// Slots that fit an eighth of the weights' memory, so that states never outgrow the model they belong to.
uint32_t default_slots(const ModelPlan& plan);

// Bytes on one device.
struct MemoryNeed {
  uint64_t weights = 0;  // that stay there; on the cpu only those that cannot be used as the file has them
  uint64_t arenas = 0;   // two, which streamed layers pass through in turn
  uint64_t slot = 0;     // the state of one sequence
  uint64_t states = 0;   // of all slots and of the one that new sequences start from
  uint64_t activations = 0;  // of the largest step
  uint64_t programs = 0;     // tables of a few recorded programs
  uint64_t host = 0;         // streamed weights, in host memory that the device can read
  uint64_t total() const { return weights + arenas + states + activations + programs; }
};

// By index in ModelPlan::devices.
std::vector<MemoryNeed> predict_memory(const ModelPlan& plan, const Source& source, const StepSizes& sizes);

// Bytes of activations a tape needs for the largest step, with the shapes that programs are compiled for.
uint64_t activation_bytes(const ops::Tape& tape, const StepSizes& sizes);

// A slot of a tape's state, in floats.
uint64_t slot_floats(const ops::Tape& tape);

}  // namespace fulmar
