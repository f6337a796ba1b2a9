// Lowering a tape; see lower.h.
#include "cpu/lower.h"

#include <algorithm>
#include <map>

#include "base/fail.h"
#include "cpu/arranged.h"
#include "cpu/buffer.h"
#include "cpu/integer_linear.h"
#include "cpu/linear.h"
#include "cpu/tasks.h"
#include "ops/groups.h"
#include "ops/state_memory.h"

namespace fulmar::cpu {
namespace {

using namespace ops;

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
    Progress progress;
    const auto close = [&] {
      if (stage.tasks.empty()) return;
      if (!packs_.tasks.empty()) out_.stages.push_back(std::move(packs_));
      out_.stages.push_back(std::move(stage));
      packs_ = {}, stage = {};
      packed_of_.clear();
      packed_used_ = 0;
    };
    for (const Group& group : make_groups(tape_, arena_, shape_, {.norm_shift = true})) {
      const Op& op = tape_.ops[group.first_op];
      if (progress.must_wait(group) || packed_used_ + packing(op) > packed_limit_) {
        close();
        progress.wait_before(group);
      }
      progress.start(group);
      if (stage.tasks.empty()) stage.first_op = group.first_op;
      stage.tasks.push_back(group.ops == 2 ? norm_shift(group.first_op)
                                           : std::visit([&](const auto& alone) { return make(alone); }, op));
      out_.scratch_floats = std::max(out_.scratch_floats, stage.tasks.back()->scratch_floats());
      stage.ops = group.first_op + group.ops - stage.first_op;
    }
    close();
    return std::move(out_);
  }

 private:
  uint64_t rows(ValueId id) const { return tape_.values[id].picked ? shape_.picks : shape_.rows; }
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

  std::unique_ptr<Task> norm_shift(uint32_t first) const {
    return make_norm_shift(norm(std::get<Norm>(tape_.ops[first])),
                           shift(std::get<Shift>(tape_.ops[first + 1])));
  }
  std::unique_ptr<Task> make(const Norm& o) { return make_norm(norm(o)); }
  std::unique_ptr<Task> make(const Shift& o) { return make_shift(shift(o)); }
  std::unique_ptr<Task> make(const Linear& o) {
    const Weight& w = tape_.weights[o.weight];
    LinearArgs args{matrix(o.weight),
                          w.format,
                          w.rows,
                          w.cols,
                          value(o.x),
                          vector(o.bias),
                          value(o.gate),
                          value(o.y),
                          nullptr,
                          o.act,
                          o.accumulate,
                          tape_.values[o.y].picked,
                          static_cast<uint32_t>(rows(o.y)),
                          tape_.reproducible};
    const bool arranged = memory_.weights[o.weight].arranged;
    args.packed = prepared(o);
    return arranged ? make_integer_linear(args, rounding(w.format, tape_.activations), threads_)
                    : make_linear(args, threads_);
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

  // Room for prepared inputs: twice the largest, which holds the six inputs of v7's projections beside each
  // other.
  void reserve_packed() {
    for (const Op& op : tape_.ops)
      if (const auto* linear = std::get_if<Linear>(&op))
        packed_limit_ = std::max(packed_limit_, 2 * prepared_floats(*linear));
    if (packed_limit_ == 0) return;
    out_.packed = allocate_pages(packed_limit_ * 4);
    if (!out_.packed)
      fail(ErrorKind::out_of_memory, "cannot allocate {} MiB for packed activations", packed_limit_ >> 18);
  }

  // What becomes of a Linear's input before its own kernels run: rounded to integers, or with f32 packed.
  Activations preparation(const Linear& linear) const {
    if (!memory_.weights[linear.weight].arranged) return Activations::f32;
    return rounding(tape_.weights[linear.weight].format, tape_.activations);
  }
  uint64_t prepared_floats(const Linear& linear) const {
    const auto T = static_cast<uint32_t>(rows(linear.x));
    const uint32_t K = tape_.values[linear.x].width;
    const Activations to = preparation(linear);
    return to == Activations::f32 ? packed_floats(T, K) : rounded_floats(T, K, to);
  }

  // Floats that an op would add to what this stage prepares.
  uint64_t packing(const Op& op) const {
    const auto* linear = std::get_if<Linear>(&op);
    if (!linear || packed_of_.contains({linear->x, preparation(*linear)})) return 0;
    return prepared_floats(*linear);
  }

  // Where a Linear's input is prepared for this stage; those of one input share it.
  const float* prepared(const Linear& linear) {
    const uint64_t floats = prepared_floats(linear);
    if (floats == 0) return nullptr;
    const ValueId x = linear.x;
    const Activations to = preparation(linear);
    const auto [at, fresh] = packed_of_.try_emplace({x, to}, nullptr);
    if (fresh) {
      at->second = reinterpret_cast<float*>(out_.packed.get()) + packed_used_;
      packed_used_ += floats;
      const uint32_t K = tape_.values[x].width;
      const bool picked = tape_.values[x].picked;
      packs_.tasks.push_back(to == Activations::f32
                                 ? make_pack(value(x), K, picked, tape_.reproducible, at->second)
                                 : make_rounding(value(x), K, picked, to, at->second));
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
  std::map<std::pair<ValueId, Activations>, float*> packed_of_;
  uint64_t packed_used_ = 0, packed_limit_ = 0;
};

}  // namespace

Lowered lower(const Tape& tape, const Memory& memory, const BatchShape& shape, uint32_t threads) {
  check(tape);
  return Lowering(tape, memory, shape, threads).run();
}

}  // namespace fulmar::cpu
