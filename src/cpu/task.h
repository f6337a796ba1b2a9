// What a compiled tape consists of: tasks, each an op (or a fused run of ops) cut into units that threads may
// share.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "ops/batch.h"

namespace fulmar::cpu {

// The batch of the step at hand, without its inputs (they have been copied to the arena).
struct Step {
  uint32_t rows = 0;
  std::span<const ops::Segment> segments;
  std::span<const uint32_t> picks;

  uint32_t rows_of(bool picked) const { return picked ? static_cast<uint32_t>(picks.size()) : rows; }
};

class Task {
 public:
  virtual ~Task() = default;
  // Called once a step, before run: how many units the step has. 0: nothing to do.
  virtual uint32_t plan(const Step& step) = 0;
  // Units of one task may run at the same time, each with `scratch_floats` floats of its own.
  virtual void run(const Step& step, uint32_t unit, float* scratch) = 0;
  // Rough nanoseconds for one thread: decides whether waking the others is worth it.
  virtual uint64_t work(const Step& step) const = 0;
  virtual uint64_t scratch_floats() const { return 0; }
};

// `count` things cut into parts of at least `least`, as evenly as possible and at most `most` parts.
struct Parts {
  uint32_t count = 0, parts = 0;
  static Parts of(uint32_t count, uint32_t least, uint32_t most) {
    const uint32_t fit = count / (least ? least : 1);
    const uint32_t parts = fit < most ? fit : most;
    return {count, count == 0 ? 0 : parts == 0 ? 1 : parts};
  }
  uint32_t begin(uint32_t part) const { return static_cast<uint32_t>(uint64_t{count} * part / parts); }
  uint32_t end(uint32_t part) const { return begin(part + 1); }
};

}  // namespace fulmar::cpu
