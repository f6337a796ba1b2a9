// Lowering a tape; see lower.h.
#include "cpu/lower.h"

#include <algorithm>
#include <map>

#include "base/fail.h"
#include "cpu/buffer.h"
#include "cpu/linear.h"
#include "cpu/tasks.h"
#include "ops/state_memory.h"

namespace fulmar::cpu {
namespace {

using namespace ops;

struct Range {
  uint64_t begin, end;
  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

// What an op touches, as ranges of the arena and of a slot's state.
struct Footprint {
  std::vector<Range> reads, writes, states;

  bool conflicts(const Footprint& other) const {
    const auto any = [](const std::vector<Range>& a, const std::vector<Range>& b) {
      return std::any_of(a.begin(), a.end(), [&](const Range& x) {
        return std::any_of(b.begin(), b.end(), [&](const Range& y) { return x.overlaps(y); });
      });
    };
    return any(writes, other.reads) || any(writes, other.writes) || any(reads, other.writes) ||
           any(states, other.states);
  }
  void add(const Footprint& other) {
    reads.insert(reads.end(), other.reads.begin(), other.reads.end());
    writes.insert(writes.end(), other.writes.begin(), other.writes.end());
    states.insert(states.end(), other.states.begin(), other.states.end());
  }
};

class Lowering {
 public:
  Lowering(const Tape& tape, const Memory& memory, const BatchShape& shape, uint32_t threads)
      : tape_(tape), memory_(memory), shape_(shape), threads_(threads), arena_(plan_arena(tape, shape)) {
    check_memory();
    auto* base = static_cast<HostBuffer*>(memory.activations)->writable();
    for (const uint64_t offset : arena_.offsets)
      out_.values.push_back(reinterpret_cast<float*>(base + offset));
    for (uint32_t slot = 0; tape.state_floats && slot < memory.states->slots(); ++slot) {
      const PlainStates::Place place = as_plain(*memory.states).place(slot);
      out_.states.push_back(
          reinterpret_cast<float*>(static_cast<HostBuffer*>(place.buffer)->writable() + place.at));
    }
    states_ = {out_.states.data()};
  }

  Lowered run() {
    reserve_packed();
    Stage stage;
    Footprint used;
    const auto close = [&] {
      if (stage.tasks.empty()) return;
      if (!packs_.tasks.empty()) out_.stages.push_back(std::move(packs_));
      out_.stages.push_back(std::move(stage));
      packs_ = {}, stage = {}, used = {};
      packed_of_.clear();
      packed_used_ = 0;
    };
    for (uint32_t i = 0; i < tape_.ops.size();) {
      const uint32_t ops = fuses_with_next(i) ? 2 : 1;
      Footprint mine = footprint(tape_.ops[i]);
      if (ops == 2) {
        mine.writes.clear();  // the norm's result lives in scratch
        Footprint shift = footprint(tape_.ops[i + 1]);
        std::erase_if(shift.reads,
                      [&](const Range& r) { return r.overlaps(range(std::get<Norm>(tape_.ops[i]).y)); });
        mine.add(shift);
      }
      if (used.conflicts(mine) || packed_used_ + packing(tape_.ops[i]) > packed_limit_) close();
      if (stage.tasks.empty()) stage.first_op = i;
      stage.tasks.push_back(ops == 2 ? make_norm_shift(norm(std::get<Norm>(tape_.ops[i])),
                                                       shift(std::get<Shift>(tape_.ops[i + 1])))
                                     : std::visit([&](const auto& op) { return make(op); }, tape_.ops[i]));
      out_.scratch_floats = std::max(out_.scratch_floats, stage.tasks.back()->scratch_floats());
      stage.ops += ops;
      used.add(mine);
      i += ops;
    }
    close();
    return std::move(out_);
  }

 private:
  uint64_t rows(ValueId id) const { return tape_.values[id].picked ? shape_.picks : shape_.rows; }
  Range range(ValueId id) const {
    const uint64_t begin = arena_.offsets[id];
    return {begin, begin + std::max<uint64_t>(1, rows(id) * tape_.values[id].width * 4)};
  }
  float* value(ValueId id) const { return id == none ? nullptr : out_.values[id]; }
  const std::byte* matrix(WeightId id) const {
    const DeviceTensor& t = memory_.weights[id];
    return static_cast<const HostBuffer*>(t.buffer)->data() + t.offset;
  }
  // Vectors lie at multiples of 64 bytes, or of 4 in a mapped file.
  const float* vector(WeightId id) const {
    return id == none ? nullptr : reinterpret_cast<const float*>(matrix(id));
  }

  void check_memory() const {
    require(memory_.activations && memory_.activations->bytes() >= arena_.bytes, "the arena needs {} bytes",
            arena_.bytes);
    require(static_cast<HostBuffer*>(memory_.activations)->writable() != nullptr, "the arena is read-only");
    require(memory_.weights.size() == tape_.weights.size(), "{} weights for a tape of {}",
            memory_.weights.size(), tape_.weights.size());
    for (size_t i = 0; i < tape_.weights.size(); ++i) {
      const Weight& w = tape_.weights[i];
      const DeviceTensor& t = memory_.weights[i];
      const uint64_t bytes = info(w.format).matrix_bytes(w.rows, w.cols);
      require(t.buffer && t.offset <= t.buffer->bytes() && bytes <= t.buffer->bytes() - t.offset,
              "weight {} needs {} bytes from {} on, past the end of its buffer", w.name, bytes, t.offset);
    }
    if (tape_.state_floats == 0) return;
    require(memory_.states && memory_.states->floats() >= tape_.state_floats,
            "the slots' states do not hold the {} floats that the tape needs", tape_.state_floats);
  }

  Footprint footprint(const Op& op) const {
    const Uses u = uses(tape_, op);
    Footprint f;
    for (const ValueId id : u.reads) f.reads.push_back(range(id));
    for (const ValueId id : u.writes) f.writes.push_back(range(id));
    if (u.state_floats) f.states.push_back({u.state, uint64_t{u.state} + u.state_floats});
    return f;
  }

  // A norm whose result only the shift behind it reads, and whose input the shift does not overwrite.
  bool fuses_with_next(uint32_t i) const {
    const auto* norm_op = std::get_if<Norm>(&tape_.ops[i]);
    const auto* shift_op = i + 1 < tape_.ops.size() ? std::get_if<Shift>(&tape_.ops[i + 1]) : nullptr;
    if (!norm_op || !shift_op || shift_op->x != norm_op->y) return false;
    for (uint32_t o = 0; o < shift_op->count; ++o) {
      if (shift_op->outputs[o].delta == norm_op->y) return false;
      if (range(shift_op->outputs[o].y).overlaps(range(norm_op->x))) return false;
    }
    if (std::count(tape_.outputs.begin(), tape_.outputs.end(), norm_op->y)) return false;
    for (size_t later = i + 2; later < tape_.ops.size(); ++later) {
      const Uses u = uses(tape_, tape_.ops[later]);
      if (std::count(u.reads.begin(), u.reads.end(), norm_op->y)) return false;
      if (std::count(u.writes.begin(), u.writes.end(), norm_op->y)) return true;
    }
    return true;
  }

  NormArgs norm(const Norm& o) const {
    return {value(o.x), vector(o.weight),        vector(o.bias),          value(o.y),
            o.eps,      tape_.values[o.x].width, tape_.values[o.x].picked};
  }
  ShiftArgs shift(const Shift& o) const {
    ShiftArgs a{value(o.x), states_, o.carry, tape_.values[o.x].width, o.count, {}, o.peek};
    for (uint32_t i = 0; i < o.count; ++i)
      a.outputs[i] = {vector(o.outputs[i].mix), value(o.outputs[i].delta), value(o.outputs[i].y)};
    return a;
  }

  std::unique_ptr<Task> make(const Norm& o) { return make_norm(norm(o)); }
  std::unique_ptr<Task> make(const Shift& o) { return make_shift(shift(o)); }
  std::unique_ptr<Task> make(const Linear& o) {
    const Weight& w = tape_.weights[o.weight];
    const LinearArgs args{matrix(o.weight),
                          w.format,
                          w.rows,
                          w.cols,
                          value(o.x),
                          vector(o.bias),
                          value(o.gate),
                          value(o.y),
                          packed(o.x),
                          o.act,
                          o.accumulate,
                          tape_.values[o.y].picked,
                          static_cast<uint32_t>(rows(o.y)),
                          tape_.reproducible};
    return make_linear(args, threads_);
  }
  std::unique_ptr<Task> make(const Mix4& o) {
    return make_mix4({value(o.r), value(o.k), value(o.v), vector(o.decay), vector(o.first), value(o.y),
                      states_, o.state, tape_.values[o.y].width});
  }
  std::unique_ptr<Task> make(const Mix6& o) {
    Mix6Args a{{}, o.w == none, states_, o.state, o.heads};
    a.row = {value(o.r),      value(o.k),
             value(o.v),      o.w == none ? vector(o.decay) : value(o.w),
             vector(o.first), value(o.g),
             nullptr,         value(o.y),
             o.head_size,     {vector(o.norm_weight), vector(o.norm_bias), o.norm_eps}};
    return make_mix6(a);
  }
  std::unique_ptr<Task> make(const Mix7& o) {
    Mix7Args a{{}, states_, o.state, o.heads};
    a.row = {value(o.r),       value(o.w),      value(o.k),
             value(o.v),       value(o.a),      value(o.g),
             value(o.v_first), value(o.v_gate), vector(o.k_k),
             vector(o.k_a),    vector(o.r_k),   nullptr,
             value(o.y),       o.head_size,     {vector(o.norm_weight), vector(o.norm_bias), o.norm_eps},
             nullptr};
    return make_mix7(a);
  }
  std::unique_ptr<Task> make(const Experts& o) {
    ExpertsArgs a{
        value(o.scores), tape_.values[o.scores].width, value(o.k), {}, tape_.values[o.k].width, o.count,
        o.active};
    for (uint32_t e = 0; e < o.count; ++e) a.h[e] = value(o.h[e]);
    return make_experts(a);
  }
  std::unique_ptr<Task> make(const Pick& o) {
    return make_pick(value(o.x), value(o.y), tape_.values[o.x].width);
  }

  // Room for packed inputs: twice the largest, which holds the six inputs of v7's projections beside each
  // other.
  void reserve_packed() {
    for (const Op& op : tape_.ops)
      if (const auto* linear = std::get_if<Linear>(&op))
        packed_limit_ = std::max(packed_limit_, 2 * packed_floats(static_cast<uint32_t>(rows(linear->x)),
                                                                  tape_.values[linear->x].width));
    if (packed_limit_ == 0) return;
    out_.packed = allocate_pages(packed_limit_ * 4);
    if (!out_.packed)
      fail(ErrorKind::out_of_memory, "cannot allocate {} MiB for packed activations", packed_limit_ >> 18);
  }

  // Floats that an op would add to what this stage packs.
  uint64_t packing(const Op& op) const {
    const auto* linear = std::get_if<Linear>(&op);
    if (!linear || packed_of_.contains(linear->x)) return 0;
    return packed_floats(static_cast<uint32_t>(rows(linear->x)), tape_.values[linear->x].width);
  }

  // Where x is packed for this stage; Linears of one input share it.
  const float* packed(ValueId x) {
    const uint32_t K = tape_.values[x].width;
    const uint64_t floats = packed_floats(static_cast<uint32_t>(rows(x)), K);
    if (floats == 0) return nullptr;
    const auto [at, fresh] = packed_of_.try_emplace(x, nullptr);
    if (fresh) {
      at->second = reinterpret_cast<float*>(out_.packed.get()) + packed_used_;
      packed_used_ += floats;
      packs_.tasks.push_back(make_pack(value(x), K, tape_.values[x].picked, tape_.reproducible, at->second));
    }
    return at->second;
  }

  const Tape& tape_;
  const Memory& memory_;
  const BatchShape shape_;
  const uint32_t threads_;
  const ArenaPlan arena_;
  States states_;
  Lowered out_;
  Stage packs_;  // of the stage being built
  std::map<ValueId, float*> packed_of_;
  uint64_t packed_used_ = 0, packed_limit_ = 0;
};

}  // namespace

Lowered lower(const Tape& tape, const Memory& memory, const BatchShape& shape, uint32_t threads) {
  check(tape);
  return Lowering(tape, memory, shape, threads).run();
}

}  // namespace fulmar::cpu
