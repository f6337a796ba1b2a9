// From ops to tasks: resolves operands to pointers, fuses norms into shifts, and groups tasks into stages.
#pragma once
#include <memory>
#include <vector>

#include "base/pages.h"
#include "cpu/task.h"
#include "ops/backend.h"

namespace fulmar::cpu {

// Tasks that may run at the same time; everything of a stage is done before the next begins.
struct Stage {
  std::vector<std::unique_ptr<Task>> tasks;
  uint32_t first_op = 0, ops = 0;  // a stage that only prepares the next one has no ops
};

struct Lowered {
  std::vector<Stage> stages;
  std::vector<float*> values;   // by ValueId
  std::vector<float*> states;   // by slot
  Pages packed;                 // inputs of the panel path, packed; every stage reuses it
  uint64_t scratch_floats = 0;  // each thread needs
};

// Throws Error(internal) when memory does not fit the tape.
Lowered lower(const ops::Tape& tape, const ops::Memory& memory, const ops::BatchShape& shape,
              uint32_t threads);

}  // namespace fulmar::cpu
