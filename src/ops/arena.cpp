// Arena planning: values whose lives do not overlap share bytes.
#include <algorithm>
#include <map>

#include "base/fail.h"
#include "ops/groups.h"

namespace fulmar::ops {
namespace {

constexpr uint64_t alignment = 256;

// Free ranges by offset, neighbours merged; first fit keeps the arena low.
class FreeList {
 public:
  uint64_t take(uint64_t bytes) {
    for (auto range = free_.begin(); range != free_.end(); ++range) {
      if (range->second < bytes) continue;
      const uint64_t at = range->first, rest = range->second - bytes;
      free_.erase(range);
      if (rest) free_[at + bytes] = rest;
      return at;
    }
    // Grow: a free range that touches the end is extended.
    uint64_t at = end_;
    if (!free_.empty()) {
      const auto last = std::prev(free_.end());
      if (last->first + last->second == end_) {
        at = last->first;
        free_.erase(last);
      }
    }
    end_ = at + bytes;
    return at;
  }
  void give(uint64_t at, uint64_t bytes) {
    auto range = free_.emplace(at, bytes).first;
    if (const auto next = std::next(range); next != free_.end() && at + bytes == next->first) {
      range->second += next->second;
      free_.erase(next);
    }
    if (range != free_.begin()) {
      const auto before = std::prev(range);
      if (before->first + before->second == at) {
        before->second += range->second;
        free_.erase(range);
      }
    }
  }
  uint64_t end() const { return end_; }

 private:
  std::map<uint64_t, uint64_t> free_;
  uint64_t end_ = 0;
};

// By op, the last op of those it may be computed together with.
std::vector<size_t> ends_of_runs(const Tape& tape) {
  std::vector<size_t> ends;
  while (ends.size() < tape.ops.size()) {
    const size_t end = ends.size() + independent_linears(tape, static_cast<uint32_t>(ends.size()));
    ends.resize(end, end - 1);
  }
  return ends;
}

}  // namespace

ArenaPlan plan_arena(const Tape& tape, const BatchShape& shape, bool reuse) {
  constexpr size_t unused = ~size_t{0};
  const size_t n = tape.values.size();
  std::vector<size_t> born(n, unused), dies(n, 0);
  const auto touch = [&](ValueId id, size_t op) {
    born[id] = std::min(born[id], op);
    dies[id] = std::max(dies[id], op);
  };
  for (const ValueId id : tape.inputs) touch(id, 0);
  for (size_t i = 0; i < tape.ops.size(); ++i) {
    const Uses u = uses(tape, tape.ops[i]);
    for (const ValueId id : u.reads) {
      require(born[id] != unused, "op {} reads {} before it is written", i, tape.values[id].name);
      touch(id, i);
    }
    for (const ValueId id : u.writes) touch(id, i);
  }
  const std::vector<size_t> ends = ends_of_runs(tape);
  for (size_t& op : dies)
    if (op < ends.size()) op = ends[op];
  for (const ValueId id : tape.outputs) dies[id] = tape.ops.size();

  std::vector<std::vector<ValueId>> births(tape.ops.size() + 1), deaths(tape.ops.size() + 1);
  for (ValueId id = 0; id < n; ++id) {
    if (born[id] == unused) continue;
    births[born[id]].push_back(id);
    deaths[dies[id]].push_back(id);
  }
  ArenaPlan plan;
  plan.offsets.assign(n, 0);
  FreeList list;
  const auto bytes = [&](ValueId id) {
    const uint64_t rows = tape.values[id].picked ? shape.picks : shape.rows;
    return (std::max<uint64_t>(rows, 1) * tape.values[id].width * 4 + alignment - 1) / alignment * alignment;
  };
  for (size_t i = 0; i <= tape.ops.size(); ++i) {
    for (const ValueId id : births[i]) plan.offsets[id] = list.take(bytes(id));
    if (reuse)
      for (const ValueId id : deaths[i]) list.give(plan.offsets[id], bytes(id));
  }
  plan.bytes = list.end();
  return plan;
}

}  // namespace fulmar::ops
