// Grouping the ops of a tape, and the hazards between groups; see groups.h.
#include "ops/groups.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar::ops {
namespace {

// Bytes of the arena, or floats of a slot's state.
struct Range {
  bool state;
  uint64_t begin, end;
  bool overlaps(const Range& o) const { return state == o.state && begin < o.end && o.begin < end; }
};

bool overlap(const std::vector<Range>& a, const std::vector<Range>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Range& x) {
    return std::any_of(b.begin(), b.end(), [&](const Range& y) { return x.overlaps(y); });
  });
}

struct Touches {
  std::vector<Range> reads, writes;

  // Read after write, write after write, write after read.
  bool must_wait_for(const Touches& earlier) const {
    return overlap(reads, earlier.writes) || overlap(writes, earlier.writes) ||
           overlap(writes, earlier.reads);
  }
  void add(const Touches& other) {
    reads.insert(reads.end(), other.reads.begin(), other.reads.end());
    writes.insert(writes.end(), other.writes.begin(), other.writes.end());
  }
};

bool contains(const std::vector<ValueId>& ids, ValueId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}
bool meet(const std::vector<ValueId>& a, const std::vector<ValueId>& b) {
  return std::any_of(a.begin(), a.end(), [&](ValueId id) { return contains(b, id); });
}

class Grouping {
 public:
  Grouping(const Tape& tape, const ArenaPlan& arena, const BatchShape& shape, const Fusions& fusions)
      : tape_(tape),
        arena_(arena),
        shape_(shape),
        fusions_(fusions),
        last_use_of_x_(shifts_with_the_last_use(tape)) {
    require(arena.offsets.size() == tape.values.size(), "an arena of {} values for a tape of {}",
            arena.offsets.size(), tape.values.size());
  }

  std::vector<Group> run() {
    uint32_t run_first = 0, run_end = 0;
    for (uint32_t i = 0; i < tape_.ops.size();) {
      if (i >= run_end) run_first = i, run_end = i + run_from(i);
      Group group;
      group.first_op = i;
      group.run_first = run_first;
      group.run_ops = run_end - run_first;
      Touches touched;
      if (norm_feeds_shift(i)) {
        const ValueId normed = std::get<Norm>(tape_.ops[i]).y;
        touched = touches(i, normed);
        touched.add(touches(i + 1, normed));
        group.ops = 2;
      } else {
        touched = touches(i);
        for (; i + group.ops < run_end; ++group.ops) {
          const Touches next = touches(i + group.ops);
          if (next.must_wait_for(touched)) break;
          touched.add(next);
        }
      }
      if (rows(uses(tape_, tape_.ops[i]).writes[0]) > 0) add(group, std::move(touched));
      i += group.ops;
    }
    return std::move(groups_);
  }

 private:
  uint32_t rows(ValueId id) const { return tape_.values[id].picked ? shape_.picks : shape_.rows; }
  Range range(ValueId id) const {
    const uint64_t begin = arena_.offsets[id];
    return {false, begin, begin + uint64_t{rows(id)} * tape_.values[id].width * 4};
  }
  // `inside`: a value that stays within the group and never reaches memory.
  Touches touches(uint32_t op, ValueId inside = none) const {
    const Uses u = uses(tape_, tape_.ops[op]);
    Touches t;
    for (const ValueId id : u.reads)
      if (id != inside) t.reads.push_back(range(id));
    for (const ValueId id : u.writes)
      if (id != inside) t.writes.push_back(range(id));
    if (u.state_floats == 0) return t;
    const Range state{true, u.state, uint64_t{u.state} + u.state_floats};
    const auto* shift = std::get_if<Shift>(&tape_.ops[op]);
    (shift && shift->peek ? t.reads : t.writes).push_back(state);
    return t;
  }

  void add(Group group, Touches touched) {
    group.number = static_cast<uint32_t>(groups_.size());
    for (size_t earlier = groups_.size(); earlier > 0 && group.after == 0; --earlier)
      if (touched.must_wait_for(touched_[earlier - 1])) group.after = static_cast<uint32_t>(earlier);
    group.in_order =
        std::any_of(touched.writes.begin(), touched.writes.end(), [](const Range& r) { return r.state; });
    groups_.push_back(group);
    touched_.push_back(std::move(touched));
  }

  // Of the independent Linears from `first` on, those that one kernel can take.
  uint32_t run_from(uint32_t first) const {
    const uint32_t most = std::min(independent_linears(tape_, first), fusions_.linears);
    uint32_t count = 1;
    while (count < most && alike(first, first + count)) ++count;
    return count;
  }
  bool alike(uint32_t a, uint32_t b) const {
    const auto &x = std::get<Linear>(tape_.ops[a]), &y = std::get<Linear>(tape_.ops[b]);
    return tape_.weights[x.weight].format == tape_.weights[y.weight].format &&
           tape_.values[x.x].picked == tape_.values[y.x].picked;
  }

  // By op, whether it is a Shift that is the last to read what its x holds.
  static std::vector<bool> shifts_with_the_last_use(const Tape& tape) {
    std::vector<bool> last(tape.ops.size()), wanted(tape.values.size());
    for (const ValueId id : tape.outputs) wanted[id] = true;
    for (size_t i = tape.ops.size(); i-- > 0;) {
      const auto* shift = std::get_if<Shift>(&tape.ops[i]);
      last[i] = shift && !wanted[shift->x];
      const Uses u = uses(tape, tape.ops[i]);
      for (const ValueId id : u.writes) wanted[id] = false;
      for (const ValueId id : u.reads) wanted[id] = true;
    }
    return last;
  }
  // The norm's x must outlive the shift's outputs: rows are computed side by side, each from the one before
  // as well.
  bool norm_feeds_shift(uint32_t i) const {
    if (!fusions_.norm_shift || i + 1 == tape_.ops.size() || !last_use_of_x_[i + 1]) return false;
    const auto* norm = std::get_if<Norm>(&tape_.ops[i]);
    if (!norm || norm->x == norm->y) return false;
    const auto& shift = std::get<Shift>(tape_.ops[i + 1]);
    const auto outputs_end = shift.outputs.begin() + shift.count;
    const bool again = std::any_of(shift.outputs.begin(), outputs_end, [&](const Shift::Output& o) {
      return o.delta == norm->y || o.y == norm->y;
    });
    return shift.x == norm->y && !again && !overlap({range(norm->x)}, touches(i + 1).writes);
  }

  const Tape& tape_;
  const ArenaPlan& arena_;
  const BatchShape shape_;
  const Fusions fusions_;
  const std::vector<bool> last_use_of_x_;
  std::vector<Group> groups_;
  std::vector<Touches> touched_;  // by group
};

}  // namespace

std::vector<Group> make_groups(const Tape& tape, const ArenaPlan& arena, const BatchShape& shape,
                               const Fusions& fusions) {
  return Grouping(tape, arena, shape, fusions).run();
}

uint32_t independent_linears(const Tape& tape, uint32_t first) {
  if (!std::holds_alternative<Linear>(tape.ops[first])) return 1;
  Uses run = uses(tape, tape.ops[first]);
  uint32_t count = 1;
  for (; first + count < tape.ops.size() && std::holds_alternative<Linear>(tape.ops[first + count]); ++count) {
    const Uses next = uses(tape, tape.ops[first + count]);
    if (meet(next.reads, run.writes) || meet(next.writes, run.writes) || meet(next.writes, run.reads)) break;
    run.reads.insert(run.reads.end(), next.reads.begin(), next.reads.end());
    run.writes.insert(run.writes.end(), next.writes.begin(), next.writes.end());
  }
  return count;
}

}  // namespace fulmar::ops
