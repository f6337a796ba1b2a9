// A model on its devices and its steps; see model.h and place_model.h.
#include "model/model.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/platform.h"
#include "model/devices.h"
#include "model/embedding.h"
#include "model/embedding_heads.h"
#include "model/fingerprint.h"
#include "model/place_model.h"
#include "model/stage.h"

namespace fulmar {
namespace {

// Programs kept of a resident stage; a recording of a large model is about 200 KiB. All streamed layers of
// a model together keep about as many.
constexpr size_t kept_programs = 64;

// What the host does between two steps waits for memory where more threads than this do it.
constexpr uint32_t enough_of_a_team = 8;
constexpr std::chrono::microseconds sleep_at_once(0);  // the next time is a step away

uint32_t team_size(uint32_t threads) {
  return std::min(threads ? threads : usable_cores(), enough_of_a_team);
}

class LoadedModel : public Model {
 public:
  LoadedModel(const LoadOptions& options, ModelPlan plan, ModelSource source)
      : source_(std::move(source)),
        state_file_(state_file(options)),
        open_(options.open),
        threads_(options.threads),
        matrix_units_(options.matrix_units),
        config_(source_.config),
        plan_(std::move(plan)),
        embedding_(source_.canonical, config_),
        sizes_(step_sizes(options, plan_)),
        needs_(predict_memory(plan_, *source_.canonical, sizes_)),
        team_(team_size(options.threads), sleep_at_once),
        x_(uint64_t{sizes_.rows} * config_.C) {
    make_lookups(source_.canonical);
    const uint64_t total = plan_.weight_bytes();
    uint64_t done = 0;
    build([&](uint64_t bytes) {
      done += bytes;
      if (options.progress) options.progress(done, total);
    });
    fingerprint_ = fingerprint_of(source_);
    picks_.reserve(sizes_.picks);
    end_sequential_reading();
  }

  const rwkv::Config& config() const override { return config_; }
  const ops::Caps& caps() const override { return devices_[0].backend->caps(); }
  std::string strategy() const override { return to_string(plan_.strategy); }
  uint64_t weight_bytes() const override { return plan_.weight_bytes(); }
  const EmbeddingHeads* heads() const override { return heads_ ? &*heads_ : nullptr; }
  uint32_t slots() const override { return sizes_.slots; }
  uint32_t max_rows() const override { return sizes_.rows; }
  uint32_t max_picks() const override { return sizes_.picks; }
  uint64_t state_floats() const override { return plan_.whole.state_floats; }
  const ops::Tape& tape() const override { return plan_.whole; }
  Fingerprint fingerprint() const override { return fingerprint_; }
  ThreadPool& team() override { return team_; }

  std::vector<DeviceMemory> memory() const override {
    std::vector<DeviceMemory> list;
    for (size_t i = 0; i < devices_.size(); ++i)
      list.push_back({devices_[i].word, needs_[i].total(), devices_[i].backend->memory_use()});
    return list;
  }

  void start(const Step& step) override {
    require(!step.tokens.empty() && step.tokens.size() <= sizes_.rows, "a step of {} rows, at most {} fit",
            step.tokens.size(), sizes_.rows);
    embedding_.lookup(step.tokens, x_.data(), team_);
    step_ = step;
    decodes_ = decode_rows(step.segments, step.picks);
    const std::span<float> x(x_.data(), step.tokens.size() * config_.C);
    start_stage(0, {&x, 1});
  }

  std::span<float> finish() override {
    for (size_t i = 0;;) {
      const std::span<const std::span<float>> outputs = stages_[i]->finish();
      if (++i == stages_.size()) return step_.picks.empty() ? std::span<float>() : outputs[0];
      if (stages_[i]->head_only() && step_.picks.empty()) {
        stages_[i]->skip();
        return {};
      }
      start_stage(i, outputs);
    }
  }

  void reset_slot(uint32_t slot) override { copy_state(slot, sizes_.slots); }
  void reset_slot_untuned(uint32_t slot) override {
    if (state_file_.path.empty()) return reset_slot(slot);
    write_slot(slot, rwkv::initial_state(*rwkv::canonical(source_.adapted, config_), config_, {0, config_.L}));
  }
  void copy_slot(uint32_t to, uint32_t from) override {
    if (to != from) copy_state(to, from);
  }
  void read_slot(uint32_t slot, std::span<float> out) override {
    require(slot < sizes_.slots && out.size() == state_floats(), "slot {} with room for {} floats", slot,
            out.size());
    for (const auto& stage : stages_) {
      stage->states().read(slot, out.first(stage->state_floats()));
      out = out.subspan(stage->state_floats());
    }
  }
  void write_slot(uint32_t slot, std::span<const float> in) override {
    require(slot < sizes_.slots && in.size() == state_floats(), "slot {} from {} floats", slot, in.size());
    write_state(slot, in);
  }

  void set_adapters(const std::vector<Adapter>& adapters) override {
    ModelSource next = with_adapters(source_, adapters, state_file_);
    const WeightNames names = differences(source_, next);
    try {
      replace(next, names);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::device_lost) restore(names);  // else rebuild() does
      throw;
    } catch (...) {
      restore(names);
      throw;
    }
    source_ = std::move(next);
    fingerprint_ = fingerprint_of(source_);
  }

  void rebuild(const std::function<void()>& checkpoint) override {
    for (const OpenedDevice& device : devices_)
      if (device.backend->abandoned())
        fail(ErrorKind::unavailable, "{} still holds work that never ended", device.word);
    stages_.clear();
    streams_.clear();
    activations_.clear();
    devices_.clear();
    checkpoint();
    build([&](uint64_t) { checkpoint(); });
  }

  void set_timing(bool on) override { timing_ = on; }
  std::vector<ops::OpTime> times() const override {
    std::vector<ops::OpTime> all;
    uint32_t first = 0;
    for (size_t i = 0; i < stages_.size(); ++i) {
      for (ops::OpTime time : stages_[i]->times()) {
        time.first_op += first;
        all.push_back(time);
      }
      first += static_cast<uint32_t>(plan_.stages[i].tape.ops.size());
    }
    return all;
  }

 private:
  static constexpr std::span<const uint32_t> no_picks{};

  ops::Backend& backend(size_t device) { return *devices_[device].backend; }

  // Opens the devices and puts everything on them.
  void build(const Placed& placed) {
    const Source& source = *source_.canonical;
    for (const StrategyPart& part : plan_.devices)
      devices_.push_back(open_ ? open_(part) : open_device(part, threads_, matrix_units_));
    for (size_t i = 0; i < devices_.size(); ++i) {
      const uint64_t most = backend(i).caps().max_buffer_bytes;
      if (needs_[i].activations > most)
        fail(ErrorKind::out_of_memory,
             "a step of {} rows needs {} MiB of activations, {} gives {} MiB at once: use a smaller --step-tokens",
             sizes_.rows, needs_[i].activations >> 20, devices_[i].word, most >> 20);
      activations_.push_back(backend(i).allocate(needs_[i].activations, ops::Where::device));
    }
    place_weights(source, placed);
    write_state(sizes_.slots, rwkv::initial_state(source, config_, {0, config_.L}));
    read_heads();
    if (const std::string file = changed_mapped_file(); !file.empty())
      fail(ErrorKind::bad_file, "{}: the file changed while it was read: load it again once it is whole",
           file);
  }

  // Of the file as it is: adapters change the language model alone.
  void read_heads() {
    if (config_.embeds && !heads_) heads_.emplace(*source_.file, config_.C, config_.V);
  }

  void place_weights(const Source& source, const Placed& placed) {
    std::vector<std::vector<const ops::Tape*>> streamed(devices_.size());
    for (const StagePlan& stage : plan_.stages)
      if (stage.streamed) streamed[stage.device].push_back(&stage.tape);
    for (size_t i = 0; i < devices_.size(); ++i)
      streams_.push_back(streamed[i].empty()
                             ? nullptr
                             : std::make_unique<LayerStream>(streamed[i], source, backend(i), placed));
    std::vector<size_t> next(devices_.size());
    for (const StagePlan& stage : plan_.stages) {
      const size_t at = stage.device;
      std::unique_ptr<WeightStore> weights;
      if (!stage.streamed)
        weights = std::make_unique<WeightStore>(stage.tape, source, backend(at), placed);
      const size_t layer = stage.streamed ? next[at]++ : 0;
      const size_t programs =
          stage.streamed ? std::max<size_t>(kept_programs / streamed[at].size(), 4) : kept_programs;
      stages_.push_back(std::make_unique<Stage>(stage, backend(at), std::move(weights),
                                                stage.streamed ? streams_[at].get() : nullptr, layer,
                                                *activations_[at], sizes_.slots, programs));
    }
  }

  void make_lookups(const SourcePtr& source) {
    looked_up_.clear();
    for (const StagePlan& stage : plan_.stages)
      looked_up_.emplace_back(stage.tape, source, sizes_.rows);
  }

  // Everything of these names, anew.
  void replace(const ModelSource& source, const WeightNames& names) {
    if (names.empty()) return;
    for (const auto& stage : stages_) stage->replace_weights(*source.canonical, names);
    for (const auto& stream : streams_)
      if (stream) stream->replace(*source.canonical, names);
    WeightNames others = names;
    for (const ops::Weight& weight : plan_.whole.weights) others.erase(weight.name);
    const size_t states = std::erase_if(others, rwkv::is_initial_state);
    if (states > 0)
      write_state(sizes_.slots, rwkv::initial_state(*source.canonical, config_, {0, config_.L}));
    if (others.empty()) return;
    embedding_ = Embedding(source.canonical, config_);
    make_lookups(source.canonical);
  }

  void restore(const WeightNames& names) {
    try {
      replace(source_, names);
    } catch (const std::exception& error) {
      fail(ErrorKind::internal, "a swap of adapters failed, and so did putting the weights back: {}",
           error.what());
    }
  }

  static uint32_t decode_rows(std::span<const ops::Segment> segments, std::span<const uint32_t> picks) {
    uint32_t rows = 0;
    for (const ops::Segment& segment : segments) {
      if (!segment.decode) continue;
      require(segment.first == rows && segment.rows == 1, "{} rows from {} on decode behind {}", segment.rows,
              segment.first, rows);
      ++rows;
    }
    require(rows == 0 || picks.empty() || (picks.size() >= rows && picks[rows - 1] == rows - 1),
            "not all of {} decode rows are picked", rows);
    return rows;
  }

  // `carried` from the stage before: x, and v7's v_first.
  void start_stage(size_t i, std::span<const std::span<float>> carried) {
    Stage& stage = *stages_[i];
    if (stage.head_only()) return start_head(stage, carried[0]);
    const size_t handed = plan_.stages[i].tape.inputs.size() - looked_up_[i].count();
    inputs_.assign(carried.begin(), carried.begin() + static_cast<std::ptrdiff_t>(handed));
    const auto rows = static_cast<uint32_t>(step_.tokens.size());
    looked_up_[i].append(step_.tokens, {x_.data(), rows * size_t{config_.C}}, inputs_, team_);
    const bool last = i + 1 == stages_.size();
    stage.start({rows, step_.segments, last ? step_.picks : no_picks, inputs_, decodes_}, timing_);
  }

  // The head alone: only the picked rows of x travel.
  void start_head(Stage& stage, std::span<const float> x) {
    const auto rows = static_cast<uint32_t>(step_.picks.size());
    picked_x_.resize(uint64_t{rows} * config_.C);
    for (uint32_t i = 0; i < rows; ++i)
      std::copy_n(x.data() + uint64_t{step_.picks[i]} * config_.C, config_.C,
                  picked_x_.data() + uint64_t{i} * config_.C);
    picks_.resize(rows);
    std::iota(picks_.begin(), picks_.end(), 0);
    const ops::Segment all{0, 0, rows};
    const std::span<const float> input(picked_x_);
    stage.start({rows, {&all, 1}, picks_, {&input, 1}, decodes_}, timing_);
  }

  void copy_state(uint32_t to, uint32_t from) {
    require(to < sizes_.slots && from <= sizes_.slots, "copy of slot {} to slot {}", from, to);
    for (const auto& stage : stages_) stage->states().copy(to, from);
  }
  void write_state(uint32_t slot, std::span<const float> in) {
    for (const auto& stage : stages_) {
      stage->states().write(slot, in.first(stage->state_floats()));
      in = in.subspan(stage->state_floats());
    }
  }

  ModelSource source_;
  Fingerprint fingerprint_;
  rwkv::StateFile state_file_;
  std::function<OpenedDevice(const StrategyPart&)> open_;
  uint32_t threads_;
  bool matrix_units_;
  rwkv::Config config_;
  ModelPlan plan_;
  Embedding embedding_;
  std::optional<EmbeddingHeads> heads_;
  StepSizes sizes_;
  std::vector<MemoryNeed> needs_;  // by device, as devices_ to streams_
  ThreadPool team_;
  std::vector<OpenedDevice> devices_;
  std::vector<std::unique_ptr<ops::Buffer>> activations_;
  std::vector<std::unique_ptr<LayerStream>> streams_;
  std::vector<std::unique_ptr<Stage>> stages_;  // as in plan_.stages
  std::vector<LookedUpInputs> looked_up_;       // likewise
  Step step_;                                   // under way, as the next
  uint32_t decodes_ = 0;
  std::vector<float> x_;                        // [max_rows, C]
  std::vector<std::span<const float>> inputs_;  // of a stage's step
  std::vector<float> picked_x_;                 // [picks, C], where the head is a stage of its own
  std::vector<uint32_t> picks_;
  bool timing_ = false;
};

}  // namespace

StepSizes step_sizes(const LoadOptions& options, const ModelPlan& plan) {
  const uint32_t slots = options.slots ? options.slots : default_slots(plan);
  return {slots, std::max(options.step_tokens, slots), std::max(options.max_picks, slots)};
}

rwkv::StateFile state_file(const ModelSpec& spec) {
  return {spec.state, rwkv::parse_state_order(spec.state_order)};
}

std::unique_ptr<Model> place_model(const LoadOptions& options, ModelPlan plan, ModelSource source) {
  return std::make_unique<LoadedModel>(options, std::move(plan), std::move(source));
}

}  // namespace fulmar
