// Running a stage; see stage.h.
#include "model/stage.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {

Stage::Stage(const StagePlan& plan, ops::Backend& backend, std::unique_ptr<WeightStore> weights,
             LayerStream* stream, size_t layer, ops::Buffer& activations, uint32_t slots, size_t programs)
    : plan_(plan),
      weights_(std::move(weights)),
      stream_(stream),
      layer_(layer),
      states_(backend.make_states(plan.tape, slots + 1)),
      programs_(plan.tape, backend,
                {stream ? stream->tensors(layer) : weights_->tensors(), &activations, states_.get()}, programs) {}

void Stage::start(const ops::Batch& batch, bool timing) {
  program_ = nullptr;  // find() may drop it, and then fail
  const auto count = [](const auto& list) { return static_cast<uint32_t>(list.size()); };
  program_ = &programs_.find(
      {batch.rows, count(batch.segments), count(batch.picks), batch.decodes, batch.decodes < batch.rows},
      timing);
  if (stream_) stream_->begin(layer_);
  program_->start(batch);
}

std::span<const std::span<float>> Stage::finish() {
  const auto outputs = program_->finish();
  if (stream_) stream_->end(layer_);
  return outputs;
}

void Stage::replace_weights(const Source& source, const WeightNames& names) {
  const auto named = [&](const ops::Weight& w) { return names.contains(w.name); };
  if (!weights_ || std::none_of(plan_.tape.weights.begin(), plan_.tape.weights.end(), named)) return;
  const auto move = [&] {
    program_ = nullptr;
    programs_.move_weights(weights_->tensors());
  };
  try {
    weights_->replace(plan_.tape, source, names);
  } catch (...) {
    move();
    throw;
  }
  move();
}

void Stage::skip() {
  program_ = nullptr;
  if (stream_) stream_->end(layer_);
}

std::vector<ops::OpTime> Stage::times() const {
  return program_ ? program_->times() : std::vector<ops::OpTime>();
}

}  // namespace fulmar
