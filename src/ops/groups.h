// Which ops one launch may compute together, and which launches must wait for which, for all backends.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/memory.h"

namespace fulmar::ops {

// What a backend has kernels for, besides one op at a time.
struct Fusions {
  // A Norm with the Shift behind it, where nobody else reads the normed rows: they are then never stored.
  bool norm_shift = false;
  // So many Linears that need nothing of each other, of one format, over the same rows.
  uint32_t linears = 1;
};

// Consecutive ops that one launch computes.
struct Group {
  uint32_t number = 0;  // among the groups
  uint32_t first_op = 0, ops = 1;
  // The groups numbered below this must be done before this one starts. The last of them writes what this
  // one reads or writes, or reads what this one writes.
  uint32_t after = 0;
  // It changes the slots' states: launches for some of its rows each must wait for one another, in the order
  // of the rows. Those of other groups may take rows in any order, or all at once.
  bool in_order = false;
  // The run of Linears that need nothing of each other, for the kernels above, that this group is a part of:
  // it is several groups where the shape's arena lets some of them share bytes. The run is the same for every
  // shape. Of other ops: the first of the group alone.
  uint32_t run_first = 0, run_ops = 1;
};

// The ops of a tape in their order, with values where the shape's arena has them. Ops without rows, such as
// the head where nobody wants logits, are in no group.
std::vector<Group> make_groups(const Tape& tape, const ArenaPlan& arena, const BatchShape& shape,
                               const Fusions& fusions);

// Where somebody who starts groups in their order, each in one launch or in several, has to wait for all that
// was started before.
class Progress {
 public:
  bool must_wait(const Group& group) const {
    return group.after > done_ || (group.in_order && group.number == started_);
  }
  void wait_before(const Group& group) { done_ = group.number, started_ = none; }
  void start(const Group& group) { started_ = group.number; }

 private:
  uint32_t done_ = 0;        // the groups numbered below
  uint32_t started_ = none;  // the group of the last launch since the last wait
};

// How many ops from `first` on, one at least, may be computed at the same time if values that live share no
// bytes: Linears, whatever their formats and rows. The arena keeps the values of such a run apart.
uint32_t independent_linears(const Tape& tape, uint32_t first);

}  // namespace fulmar::ops
