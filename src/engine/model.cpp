// Loading a model and running its steps; see model.h.
#include "engine/model.h"

#include <algorithm>

#include "base/fail.h"
#include "engine/devices.h"
#include "engine/embedding.h"
#include "engine/program_cache.h"
#include "engine/weight_store.h"
#include "rwkv/forward.h"
#include "rwkv/state_file.h"
#include "weights/adapters.h"

namespace fulmar {
namespace {

// Slots that fit an eighth of the weights' memory, so that states never outgrow the model they belong to.
uint32_t default_slots(uint64_t weight_bytes, uint64_t state_floats) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(weight_bytes / 8 / (state_floats * 4), 8, 64));
}

std::string_view precision_of(const ops::Tape& tape) {
  return info(tape.weights.back().format).precision;
}

ops::Tape build_tape(const Strategy& strategy, const SourcePtr& source, const rwkv::Config& config) {
  ops::Tape tape = rwkv::build(config, {0, config.L}, [&](const std::string& name, uint32_t, uint32_t cols) {
    return choose_format(strategy, name, source->info(name)->format, cols);
  });
  tape.half_inputs = half_inputs(strategy, source->info(tape.weights.back().name)->format);
  return tape;
}

class LoadedModel : public Model {
 public:
  LoadedModel(const ModelOptions& options, const Strategy& strategy, OpenedDevice device, SourcePtr source,
              const rwkv::Config& config)
      : config_(config),
        device_(std::move(device)),
        tape_(build_tape(strategy, source, config)),
        strategy_(fmt::format("{} {}", device_.word,
                              strategy.precision.empty() ? precision_of(tape_) : strategy.precision)),
        store_(tape_, source, *device_.backend, options.progress),
        embedding_(source, config),
        slot_floats_((tape_.state_floats + 63) / 64 * 64),
        slots_(options.slots ? options.slots : default_slots(store_.bytes(), slot_floats_)),
        max_rows_(std::max(options.max_rows, slots_)),
        // One slot more than can be live holds the state every sequence starts from.
        state_(device_.backend->allocate((slots_ + uint64_t{1}) * slot_floats_ * 4, ops::Where::device)),
        x_(uint64_t{max_rows_} * config.C),
        looked_up_(tape_, source, max_rows_),
        programs_(tape_, *device_.backend, {store_.tensors(), nullptr, state_.get(), slot_floats_, slots_}) {
    const std::vector<float> start = rwkv::initial_state(*source, config, {0, config.L});
    device_.backend->upload(*state_, at(slots_), std::as_bytes(std::span(start)));
  }

  const rwkv::Config& config() const override { return config_; }
  const ops::Caps& caps() const override { return device_.backend->caps(); }
  std::string strategy() const override { return strategy_; }
  uint64_t weight_bytes() const override { return store_.bytes(); }
  uint32_t slots() const override { return slots_; }
  uint32_t max_rows() const override { return max_rows_; }
  uint64_t state_floats() const override { return tape_.state_floats; }
  const ops::Tape& tape() const override { return tape_; }

  std::span<const float> step(std::span<const int32_t> tokens, std::span<const ops::Segment> segments,
                              std::span<const uint32_t> picks) override {
    require(!tokens.empty() && tokens.size() <= max_rows_, "a step of {} rows, at most {} fit", tokens.size(),
            max_rows_);
    embedding_.lookup(tokens, x_.data());
    const auto count = [](const auto& list) { return static_cast<uint32_t>(list.size()); };
    program_ = &programs_.find({count(tokens), count(segments), count(picks)}, timing_);
    inputs_.assign(1, std::span<const float>(x_.data(), tokens.size() * config_.C));
    looked_up_.append(tokens, inputs_[0], inputs_);
    program_->start({count(tokens), segments, picks, inputs_});
    const auto outputs = program_->finish();
    return picks.empty() ? std::span<const float>() : outputs[0];
  }

  void reset_slot(uint32_t slot) override { copy_state(slot, slots_); }
  void copy_slot(uint32_t to, uint32_t from) override {
    if (to != from) copy_state(to, from);
  }
  void read_slot(uint32_t slot, std::span<float> out) override {
    require(slot < slots_ && out.size() == state_floats(), "slot {} with room for {} floats", slot,
            out.size());
    device_.backend->download(std::as_writable_bytes(out), *state_, at(slot));
  }
  void write_slot(uint32_t slot, std::span<const float> in) override {
    require(slot < slots_ && in.size() == state_floats(), "slot {} from {} floats", slot, in.size());
    device_.backend->upload(*state_, at(slot), std::as_bytes(in));
  }

  void set_timing(bool on) override { timing_ = on; }
  std::vector<ops::OpTime> times() const override {
    return program_ ? program_->times() : std::vector<ops::OpTime>();
  }

 private:
  uint64_t at(uint32_t slot) const { return slot * slot_floats_ * 4; }
  void copy_state(uint32_t to, uint32_t from) {
    require(to < slots_ && from <= slots_, "copy of slot {} to slot {}", from, to);
    device_.backend->copy(*state_, at(to), *state_, at(from), state_floats() * 4);
  }

  rwkv::Config config_;
  OpenedDevice device_;
  ops::Tape tape_;
  std::string strategy_;
  WeightStore store_;
  Embedding embedding_;
  uint64_t slot_floats_;
  uint32_t slots_, max_rows_;
  std::unique_ptr<ops::Buffer> state_;
  std::vector<float> x_;  // [max_rows, C]
  LookedUpInputs looked_up_;
  std::vector<std::span<const float>> inputs_;  // of a step
  ProgramCache programs_;
  ops::Program* program_ = nullptr;  // of the last step
  bool timing_ = false;
};

}  // namespace

std::unique_ptr<Model> Model::load(const ModelOptions& options) {
  const Strategy strategy = parse_strategy(options.strategy);
  SourcePtr file = open_weights(options.path);
  if (!options.adapters.empty()) file = adapt(file, options.adapters);
  rwkv::Config config = rwkv::detect(*file);
  if (options.head_norm_eps) config.head_norm_eps = *options.head_norm_eps;
  if (!options.state.empty()) file = rwkv::with_state_file(file, options.state, config);
  OpenedDevice device = open_device(strategy, options.threads);
  return std::make_unique<LoadedModel>(options, strategy, std::move(device), rwkv::canonical(file, config),
                                       config);
}

}  // namespace fulmar
