// From strategy to tapes, and their memory; see model_plan.h.
#include "model/model_plan.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/fail.h"
#include "model/program_cache.h"
#include "model/weight_layout.h"
#include "ops/state_memory.h"

namespace fulmar {
namespace {

// The unit a weight belongs to: "blocks.7.att.key.weight" to layer 7, what has no layer to the head.
uint32_t unit_of(std::string_view name, uint32_t L) {
  constexpr std::string_view prefix = "blocks.";
  uint32_t layer = L;
  if (name.starts_with(prefix))
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
  return std::min(layer, L);
}

// Units [first, last) of L + 1 as the layers they are.
rwkv::LayerRange range_of(uint32_t first, uint32_t last, uint32_t L) {
  return {std::min(first, L), std::min(last, L), last > L};
}

// That of the head, or in a model that has none of a layer's largest matrix.
Format large_format(const Source& source) {
  const auto head = source.info("head.weight");
  return head ? head->format : source.info("blocks.0.ffn.key.weight")->format;
}

// The word for what the large matrices are kept in where a strategy leaves that open.
std::string_view own_precision(const Source& source) {
  const Format stored = large_format(source);
  const std::string_view word = info(stored).precision;
  return word.empty() ? info(Format::f32).precision : word;
}

class Planner {
 public:
  Planner(const Strategy& strategy, const rwkv::Config& config, const Source& source)
      : config_(config), source_(source), parts_(strategy.parts) {
    plan_.strategy = strategy;
    for (StrategyPart& part : plan_.strategy.parts)
      if (part.precision.empty()) part.precision = own_precision(source);
  }

  ModelPlan run() {
    const uint32_t units = config_.L + 1;
    const std::vector<Share> shares = share_units(parts_, units);
    for (size_t i = 0; i < parts_.size(); ++i) part_of_unit_.insert(part_of_unit_.end(), shares[i].units, i);
    require(part_of_unit_.size() == units, "{} units placed of {}", part_of_unit_.size(), units);
    uint32_t unit = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const bool streams = parts_[i].device != "cpu";
      const uint32_t kept = streams ? shares[i].resident : shares[i].units;
      if (shares[i].units == 0) continue;
      const size_t device = device_of(parts_[i]);
      if (kept > 0) add(device, i, unit, unit + kept, false);
      for (uint32_t u = unit + kept; u < unit + shares[i].units; ++u) add(device, i, u, u + 1, true);
      unit += shares[i].units;
    }
    plan_.whole = build({0, config_.L}, part_of_unit_[0]);
    for (size_t i = 0; i < runs_.size(); ++i)
      plan_.stages[i].tape = build(plan_.stages[i].layers, runs_[i].part);
    return std::move(plan_);
  }

 private:
  struct Run {
    uint32_t first, last;  // units
    size_t part;           // the first part in it
  };

  size_t device_of(const StrategyPart& part) {
    for (size_t i = 0; i < plan_.devices.size(); ++i)
      if (plan_.devices[i].same_device(part)) return i;
    plan_.devices.push_back(part);
    return plan_.devices.size() - 1;
  }

  bool rounds_inputs(size_t part) const {
    return half_inputs(parts_[part], large_format(source_));
  }

  void add(size_t device, size_t part, uint32_t first, uint32_t last, bool streamed) {
    if (!runs_.empty() && !streamed) {
      const StagePlan& before = plan_.stages.back();
      if (before.device == device && !before.streamed &&
          rounds_inputs(part) == rounds_inputs(runs_.back().part) &&
          activations(parts_[part]) == activations(parts_[runs_.back().part]))
        first = runs_.back().first, part = runs_.back().part, runs_.pop_back(), plan_.stages.pop_back();
    }
    runs_.push_back({first, last, part});
    plan_.stages.push_back({device, range_of(first, last, config_.L), streamed, {}});
  }

  ops::Tape build(rwkv::LayerRange layers, size_t part) const {
    ops::Tape tape = rwkv::build(config_, layers, [&](const std::string& name, uint32_t, uint32_t cols) {
      return choose_format(parts_[part_of_unit_[unit_of(name, config_.L)]], name, source_.info(name)->format,
                           cols);
    });
    tape.half_inputs = rounds_inputs(part);
    tape.activations = activations(parts_[part]);
    return tape;
  }

  const rwkv::Config& config_;
  const Source& source_;
  const std::vector<StrategyPart>& parts_;
  std::vector<size_t> part_of_unit_;
  std::vector<Run> runs_;  // beside plan_.stages
  ModelPlan plan_;
};

// Device memory of a recorded program, roughly: a table entry of up to six operands for each op. A server
// records a handful of shapes.
constexpr uint64_t table_bytes_per_op = 96, programs_guessed = 4;

}  // namespace

uint64_t ModelPlan::weight_bytes() const {
  uint64_t bytes = 0;
  for (const ops::Weight& w : whole.weights) bytes += fulmar::weight_bytes(w);
  return bytes;
}

ModelPlan plan_model(const Strategy& strategy, const rwkv::Config& config, const Source& source) {
  require(!strategy.parts.empty(), "a strategy without parts has no plan");
  return Planner(strategy, config, source).run();
}

uint64_t slot_floats(const ops::Tape& tape) {
  return ops::PlainStates::stride(tape.state_floats);
}

uint32_t default_slots(const ModelPlan& plan) {
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(plan.weight_bytes() / 8 / (slot_floats(plan.whole) * 4), 8, 64));
}

uint64_t activation_bytes(const ops::Tape& tape, const StepSizes& sizes) {
  const auto bucket = ProgramCache::bucket;
  const bool picked = std::any_of(tape.ops.begin(), tape.ops.end(),
                                  [](const ops::Op& op) { return std::holds_alternative<ops::Pick>(op); });
  // The head alone is given only the rows that are picked.
  const uint32_t rows = bucket(tape.state_floats ? sizes.rows : sizes.picks);
  return ops::plan_arena(tape, {rows, bucket(sizes.slots), picked ? bucket(sizes.picks) : 0}).bytes;
}

std::vector<MemoryNeed> predict_memory(const ModelPlan& plan, const Source& source, const StepSizes& sizes) {
  std::vector<MemoryNeed> needs(plan.devices.size());
  std::vector<std::array<uint64_t, 2>> arenas(plan.devices.size());
  std::vector<size_t> streamed(plan.devices.size());
  for (const StagePlan& stage : plan.stages) {
    MemoryNeed& need = needs[stage.device];
    const bool host_memory = plan.devices[stage.device].device == "cpu";
    const uint64_t weights = lay_out_weights(stage.tape, source, host_memory, stage.streamed).bytes();
    if (stage.streamed) {
      uint64_t& arena = arenas[stage.device][streamed[stage.device]++ % 2];
      arena = std::max(arena, weights);
      need.host += weights;
    } else {
      need.weights += weights;
    }
    need.slot += slot_floats(stage.tape) * 4;
    need.activations = std::max(need.activations, activation_bytes(stage.tape, sizes));
    if (!host_memory) need.programs += stage.tape.ops.size() * table_bytes_per_op * programs_guessed;
  }
  for (size_t i = 0; i < needs.size(); ++i) {
    needs[i].arenas = arenas[i][0] + arenas[i][1];
    needs[i].states = needs[i].slot * (uint64_t{sizes.slots} + 1);
  }
  return needs;
}

}  // namespace fulmar
