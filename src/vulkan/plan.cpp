// From tape to launches, one a group of ops, or two where decode rows have kernels of their own; see plan.h.
#include "vulkan/plan.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "base/fail.h"
#include "shared/push.h"
#include "vulkan/linear_shape.h"

namespace fulmar::vulkan {
namespace {

using namespace ops;

class Planner {
 public:
  Planner(const Tape& tape, const ArenaPlan& arena, const BatchShape& shape, const Addresses& addresses,
          const PhysicalDevice& device)
      : tape_(tape), arena_(arena), shape_(shape), layout_(shape), at_(addresses), device_(device) {}

  Plan run() {
    Guess whole;
    const Fusions fusions{.norm_shift = true, .linears = shared::MAX_JOBS};
    for (const Group& group : make_groups(tape_, arena_, shape_, fusions)) {
      Launch& launch = plan_.launches.emplace_back();
      launch.group = group;
      for (uint32_t i = group.first_op; i < group.first_op + group.ops; ++i) {
        const Guess guess = guess_of(tape_.ops[i]);
        launch.seconds += guess.arithmetic + guess.others;
        whole.arithmetic += guess.arithmetic;
        whole.others += guess.others;
      }
      std::visit([&](const auto& op) { emit(launch, op); }, tape_.ops[group.first_op]);
    }
    if (whole.arithmetic > whole.others) plan_.bound = Bound::arithmetic;
    return std::move(plan_);
  }

 private:
  uint32_t rows(ValueId id) const { return tape_.values[id].picked ? shape_.picks : shape_.rows; }
  uint32_t width(ValueId id) const { return tape_.values[id].width; }
  // In floats from the arena's start.
  uint32_t place(ValueId id) const {
    return id == none ? shared::ABSENT : static_cast<uint32_t>(arena_.offsets[id] / 4);
  }
  uint64_t address(WeightId id) const { return id == none ? 0 : at_.weight(id); }

  struct Guess {
    double arithmetic = 0, others = 0;  // seconds
  };
  // A slow discrete card: 2 TFLOP/s, 100 GB/s, and a microsecond for a row of a recurrence.
  Guess guess_of(const Op& op) const {
    const Cost c = cost(tape_, op, shape_);
    const bool serial = std::holds_alternative<Mix4>(op) || std::holds_alternative<Mix6>(op) ||
                        std::holds_alternative<Mix7>(op);
    return {static_cast<double>(c.flops) / 2e12,
            static_cast<double>(c.bytes()) / 1e11 + (serial ? 1e-6 * shape_.rows : 0)};
  }

  // The cut of linear_vec, which decides the order of its sums, is chosen for the whole run of Linears and so
  // does not depend on how many of them the shape's arena leaves to one launch.
  struct Linears {
    uint32_t outputs = 0, K = 0;  // of all together; of the longest row
  };
  Linears run_of(const Group& group) const {
    Linears run;
    for (uint32_t op = group.run_first; op < group.run_first + group.run_ops; ++op) {
      const Weight& w = tape_.weights[std::get<Linear>(tape_.ops[op]).weight];
      run.outputs += w.rows;
      run.K = std::max(run.K, w.cols);
    }
    return run;
  }

  // Workgroups are whole subgroups, which have up to 128 threads on some devices.
  uint32_t least_threads() const { return std::max(64u, device_.subgroup_size); }
  static uint32_t blocks(uint32_t count, uint32_t block) { return (count + block - 1) / block; }

  template <typename Push>
  void set(Launch& launch, Kernel kernel, uint32_t x, uint32_t y, uint32_t rows, uint32_t group_rows,
           const Push& push) {
    static_assert(sizeof push <= 128);
    launch.kernel = std::move(kernel);
    launch.groups_x = x;
    launch.groups_y = y;
    launch.rows = rows;
    launch.group_rows = group_rows;
    launch.rows_at = offsetof(Push, first_row);
    static_assert(offsetof(Push, end_row) == offsetof(Push, first_row) + 4);
    std::memcpy(launch.push.data(), &push, sizeof push);
    std::memcpy(launch.push.data() + launch.rows_at + 4, &rows, 4);
    launch.push_bytes = sizeof push;
  }
  // Appends to the tables and returns the address.
  template <typename T>
  uint64_t store(const std::vector<T>& items) {
    const uint64_t at = plan_.tables.size();
    plan_.tables.resize(at + items.size() * sizeof(T));
    std::memcpy(plan_.tables.data() + at, items.data(), items.size() * sizeof(T));
    return at_.tables + at;
  }

  void emit(Launch& launch, const Norm& op) {
    const Op* next = launch.group.ops == 2 ? &tape_.ops[launch.group.first_op + 1] : nullptr;
    emit_norm_shift(launch, &op, std::get_if<Shift>(next));
  }
  void emit(Launch& launch, const Shift& op) { emit_norm_shift(launch, nullptr, &op); }
  void emit_norm_shift(Launch& launch, const Norm* norm, const Shift* shift) {
    shared::NormShiftPush p{};
    const uint32_t C = width(norm ? norm->x : shift->x), outputs = shift ? shift->count : 0;
    p.arena = at_.arena;
    p.step = at_.step;
    p.x = place(norm ? norm->x : shift->x);
    p.rows_at = layout_.rows_at;
    if (norm) {
      p.weight = address(norm->weight);
      p.bias = address(norm->bias);
      p.y = place(norm->y);
      p.eps = norm->eps;
    }
    if (shift) {
      p.carry = shift->carry;
      std::vector<shared::ShiftOutput> table;
      for (uint32_t o = 0; o < outputs; ++o) {
        const Shift::Output& out = shift->outputs[o];
        table.push_back({address(out.mix), place(out.y), place(out.delta)});
      }
      p.outputs = store(table);
    }
    require(C % 4 == 0, "rows of {} channels, no multiple of 4", C);
    const uint32_t threads =
        std::clamp(std::bit_ceil(C / 8), least_threads(), std::min(512u, device_.max_workgroup));
    const uint32_t T = norm ? rows(norm->x) : shape_.rows;
    set(launch,
        {"norm_shift", {threads, C, device_.subgroup_size, norm != nullptr, outputs, shift && shift->peek}}, T, 1,
        T, 1, p);
    launch.rows_in_x = true;
  }

  void emit(Launch& launch, const Linear& op) {
    const Group& group = launch.group;
    std::vector<shared::LinearJob> jobs;
    for (uint32_t i = group.first_op; i < group.first_op + group.ops; ++i) {
      const auto& linear = std::get<Linear>(tape_.ops[i]);
      const Weight& w = tape_.weights[linear.weight];
      const uint32_t flags = linear.act | (linear.accumulate ? shared::JOB_ACCUMULATE : 0) |
                             (linear.bias != none ? shared::JOB_BIAS : 0);
      jobs.push_back({address(linear.weight), address(linear.bias), place(linear.x), place(linear.y),
                      place(linear.gate), w.rows, w.cols, flags});
    }
    const uint64_t table = jobs.size() > 1 ? store(jobs) : 0;
    const FormatInfo& format = info(tape_.weights[op.weight].format);
    const uint32_t T = rows(op.x), picked = tape_.values[op.x].picked ? shared::ROWS_PICKED : 0;
    if (!tape_.reproducible)
      return set_linear(launch, jobs, table, format,
                        {T, few_rows(T, run_of(group).outputs, may_use_units(format)), picked});
    // Rows that decode and prompts have one kernel each, however many they are.
    const LinearRows decodes{std::min(shape_.decodes, T), true, picked | shared::ROWS_DECODE},
        prompts{T, false, picked | shared::ROWS_PROMPTS};
    if (shape_.decodes == 0) return set_linear(launch, jobs, table, format, prompts);
    Launch second = launch;
    set_linear(launch, jobs, table, format, decodes);
    if (!shape_.prompts) return;
    set_linear(second, jobs, table, format, prompts);
    plan_.launches.push_back(std::move(second));
  }

  bool may_use_units(const FormatInfo& format) const {
    return device_.matrix_tile && tape_.half_inputs && format.scalar_bytes != 4;
  }
  struct LinearRows {
    uint32_t most;
    bool vec;
    uint32_t which;  // ROWS_
  };
  void set_linear(Launch& launch, const std::vector<shared::LinearJob>& jobs, uint64_t table,
                  const FormatInfo& format, const LinearRows& rows_of) {
    const uint32_t T = rows_of.most;
    uint32_t outputs = 0;
    for (const shared::LinearJob& job : jobs) outputs += job.N;
    const Linears run = run_of(launch.group);
    const LinearDevice device = linear_device(device_);
    const VecShape shape = vec_shape(T, run.outputs, run.K, format.chunk, device);
    const bool coop = !rows_of.vec && may_use_units(format);
    const CoopShape tile = coop_shape(T, outputs, run.K, device, tape_.reproducible);
    const uint32_t group_outputs = rows_of.vec ? shape.outputs() : coop ? tile.outputs : mat_outputs;
    const uint32_t group_rows = rows_of.vec ? shape.T : coop ? tile.rows : mat_rows(T);

    shared::LinearPush p{};
    p.arena = at_.arena;
    p.step = at_.step;
    p.count = static_cast<uint32_t>(jobs.size());
    p.rows = rows_of.which;
    uint32_t groups = 0;
    for (size_t j = 0; j < jobs.size(); ++j) {
      p.first[j] = groups;
      groups += (jobs[j].N + group_outputs - 1) / group_outputs;
    }
    p.job = jobs[0];
    p.jobs = table;
    Kernel kernel{"linear_mat_", {0u, group_rows}};
    if (rows_of.vec) kernel = {"linear_vec_", shape.constants()};
    if (coop) kernel = {"linear_coop_", tile.constants(device_.subgroup_size, *device_.matrix_tile)};
    kernel.name += format.name;
    set(launch, std::move(kernel), groups, (T + group_rows - 1) / group_rows, T, group_rows, p);
  }

  void emit(Launch& launch, const Mix4& op) {
    const uint32_t A = width(op.y);
    const shared::Mix4Push p{at_.arena,   at_.step,    address(op.decay), address(op.first), place(op.r),
                             place(op.k), place(op.v), place(op.y),       A,                 op.state,
                             0,           0};
    set(launch, {"mix4", {least_threads()}}, blocks(A, least_threads()), shape_.segments, shape_.rows, 0, p);
  }

  // Threads of a head's workgroup: two a channel, in whole subgroups.
  uint32_t head_threads(uint32_t N) const {
    const uint32_t threads = blocks(2 * N, least_threads()) * least_threads();
    if (N % 4 != 0 || N == 0 || N > 256 || threads > device_.max_workgroup)
      fail(ErrorKind::unsupported, "{}: head size {} is not a multiple of 4 up to {}; use the cpu",
           device_.caps.name, N, std::min(256u, device_.max_workgroup / 2));
    return threads;
  }
  // See shaders/head.glsl: {threads, N, subgroup, rows of a block}. A block's rows lie in workgroup memory, of which
  // every device has 16 KiB; where each sequence brings one row there is nothing to gather.
  std::vector<uint32_t> head_constants(uint32_t N, uint32_t vectors) const {
    const uint32_t room = 16384 / (vectors * 4 * N);
    const uint32_t block = shape_.rows == shape_.segments ? 1 : std::clamp(std::bit_floor(room), 1u, 16u);
    return {head_threads(N), N, device_.subgroup_size, block};
  }
  void emit(Launch& launch, const Mix6& op) {
    shared::Mix6Push p{};
    p.arena = at_.arena, p.step = at_.step;
    p.decay = address(op.decay), p.first = address(op.first);
    p.norm_weight = address(op.norm_weight), p.norm_bias = address(op.norm_bias);
    p.r = place(op.r), p.k = place(op.k), p.v = place(op.v), p.w = place(op.w), p.g = place(op.g);
    p.y = place(op.y);
    p.heads = op.heads, p.carry = op.state, p.eps = op.norm_eps;
    Kernel kernel{"mix6", head_constants(op.head_size, 5)};
    kernel.constants.insert(kernel.constants.end(), {op.w != none, op.g != none});
    set(launch, std::move(kernel), op.heads, shape_.segments, shape_.rows, 0, p);
  }
  void emit(Launch& launch, const Mix7& op) {
    shared::Mix7Push p{};
    p.arena = at_.arena, p.step = at_.step;
    p.k_k = address(op.k_k), p.k_a = address(op.k_a), p.r_k = address(op.r_k);
    p.norm_weight = address(op.norm_weight), p.norm_bias = address(op.norm_bias);
    p.r = place(op.r), p.w = place(op.w), p.k = place(op.k), p.v = place(op.v), p.a = place(op.a);
    p.g = place(op.g), p.y = place(op.y), p.v_first = place(op.v_first), p.v_gate = place(op.v_gate);
    p.heads = op.heads, p.carry = op.state, p.eps = op.norm_eps;
    Kernel kernel{"mix7", head_constants(op.head_size, 7)};
    kernel.constants.push_back(op.v_first != none);
    set(launch, std::move(kernel), op.heads, shape_.segments, shape_.rows, 0, p);
  }
  void emit(Launch& launch, const Experts& op) {
    const uint32_t channels = 4 * least_threads();  // a workgroup's
    const uint32_t F = width(op.k);
    shared::ExpertsPush p{at_.arena, at_.step, place(op.scores), place(op.k), F, width(op.scores), 0, 0, {}};
    for (uint32_t e = 0; e < op.count; ++e) p.h[e] = place(op.h[e]);
    set(launch, {"experts", {least_threads(), op.count, op.active}}, blocks(F, channels), shape_.rows,
        shape_.rows, 1, p);
  }
  void emit(Launch& launch, const Pick& op) {
    const shared::PickPush p{at_.arena,   at_.step,         place(op.x), place(op.y),
                             width(op.x), layout_.picks_at, 0,           0};
    set(launch, {"pick", {least_threads()}}, blocks(width(op.x), least_threads()), shape_.picks, shape_.picks, 1,
        p);
  }

  const Tape& tape_;
  const ArenaPlan& arena_;
  const BatchShape& shape_;
  const StepLayout layout_;
  const Addresses& at_;
  const PhysicalDevice& device_;
  Plan plan_;
};

}  // namespace

std::vector<Launch> cut(const Launch& launch, double longest, uint32_t max_groups) {
  const uint32_t group = launch.group_rows;
  uint32_t each = launch.rows;
  if (launch.seconds > longest)
    each = static_cast<uint32_t>(std::max(1.0, launch.rows * (longest / launch.seconds)));
  if (group) each = std::clamp<uint64_t>(each / group * uint64_t{group}, group, uint64_t{max_groups} * group);
  std::vector<Launch> pieces;
  for (uint32_t first = 0; first < launch.rows; first += std::min(each, launch.rows - first)) {
    Launch& piece = pieces.emplace_back(launch);
    const uint32_t end = first + std::min(each, launch.rows - first), range[2] = {first, end};
    std::memcpy(piece.push.data() + launch.rows_at, range, sizeof range);
    if (group) (launch.rows_in_x ? piece.groups_x : piece.groups_y) = (end - first + group - 1) / group;
    piece.rows = end - first;
    piece.seconds = launch.seconds * piece.rows / launch.rows;
    if (std::max(piece.groups_x, piece.groups_y) > max_groups)
      fail(ErrorKind::unsupported,
           "{} needs {} x {} workgroups and this device starts {} along a side: use fewer slots, or the cpu",
           launch.kernel.name, piece.groups_x, piece.groups_y, max_groups);
  }
  return pieces;
}

uint64_t table_bytes(const Tape& tape) {
  return tape.ops.size() * std::max(6 * sizeof(shared::ShiftOutput), sizeof(shared::LinearJob));
}

Plan make_plan(const Tape& tape, const ArenaPlan& arena, const BatchShape& shape, const Addresses& addresses,
               const PhysicalDevice& device) {
  return Planner(tape, arena, shape, addresses, device).run();
}

}  // namespace fulmar::vulkan
