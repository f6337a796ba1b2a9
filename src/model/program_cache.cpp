// Programs by batch shape; see program_cache.h.
#include "model/program_cache.h"

#include <algorithm>

namespace fulmar {
namespace {

// The tape up to the first op that works on picked rows: a prompt's middle needs no logits.
ops::Tape without_head(const ops::Tape& tape) {
  ops::Tape short_tape = tape;
  const auto picked = [](const ops::Op& op) { return std::holds_alternative<ops::Pick>(op); };
  short_tape.ops.erase(std::find_if(short_tape.ops.begin(), short_tape.ops.end(), picked),
                       short_tape.ops.end());
  std::erase_if(short_tape.outputs, [&](ops::ValueId id) { return tape.values[id].picked; });
  return short_tape;
}

}  // namespace

ProgramCache::ProgramCache(const ops::Tape& tape, ops::Backend& backend, ops::Memory memory, size_t capacity)
    : tape_(tape),
      headless_(without_head(tape)),
      backend_(backend),
      memory_(std::move(memory)),
      capacity_(capacity) {}

void ProgramCache::move_weights(const std::vector<ops::DeviceTensor>& weights) {
  programs_.clear();
  memory_.weights = weights;
}

uint32_t ProgramCache::bucket(uint32_t needed) {
  if (needed <= 8) return needed;
  // 10 12 14 16, 20 24 28 32, 40 ...: four steps to each doubling.
  uint32_t power = 8;
  while (power * 2 < needed) power *= 2;
  const uint32_t step = power / 4;
  return (needed + step - 1) / step * step;
}

ops::Program& ProgramCache::find(const ops::BatchShape& needed, bool timing) {
  Key key{{bucket(needed.rows), bucket(needed.segments), bucket(needed.picks)}, timing};
  if (tape_.reproducible && backend_.caps().rows_apart)
    key.shape.decodes = bucket(needed.decodes), key.shape.prompts = needed.prompts;
  if (const auto found = programs_.find(key); found != programs_.end()) {
    found->second.last_use = ++uses_;
    return *found->second.program;
  }
  const ops::Tape& tape = key.shape.picks ? tape_ : headless_;
  if (programs_.size() >= capacity_)
    programs_.erase(std::min_element(programs_.begin(), programs_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    }));
  Entry entry;
  ops::Memory memory = memory_;
  const uint64_t bytes = ops::plan_arena(tape, key.shape).bytes;
  if (memory.activations->bytes() < bytes) {
    entry.activations = backend_.allocate(bytes, ops::Where::device);
    memory.activations = entry.activations.get();
  }
  entry.program = backend_.compile(tape, memory, key.shape, timing);
  entry.last_use = ++uses_;
  return *programs_.emplace(key, std::move(entry)).first->second.program;
}

}  // namespace fulmar
