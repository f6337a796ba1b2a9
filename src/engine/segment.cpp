// Running a segment; see segment.h.
#include "engine/segment.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {

Segment::Segment(const SegmentPlan& plan, ops::Backend& backend, std::unique_ptr<WeightStore> weights,
                 LayerStream* stream, size_t layer, ops::Buffer& activations, uint32_t slots, size_t programs)
    : plan_(plan),
      backend_(backend),
      weights_(std::move(weights)),
      stream_(stream),
      layer_(layer),
      slot_floats_(slot_floats(plan.tape)),
      state_(slot_floats_ ? backend.allocate((slots + uint64_t{1}) * slot_floats_ * 4, ops::Where::device)
                          : nullptr),
      programs_(plan.tape, backend,
                {stream ? stream->tensors(layer) : weights_->tensors(), &activations, state_.get(),
                 slot_floats_, slots},
                programs) {}

std::span<const std::span<const float>> Segment::run(const ops::Batch& batch, bool timing) {
  const auto count = [](const auto& list) { return static_cast<uint32_t>(list.size()); };
  program_ = &programs_.find({batch.rows, count(batch.segments), count(batch.picks)}, timing);
  if (!stream_) {
    program_->start(batch);
    return program_->finish();
  }
  stream_->begin(layer_);
  program_->start(batch);
  const auto outputs = program_->finish();
  stream_->end(layer_);
  return outputs;
}

void Segment::replace_weights(const Source& source, const WeightNames& names) {
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

void Segment::skip() {
  program_ = nullptr;
  if (stream_) stream_->end(layer_);
}

void Segment::copy_state(uint32_t to, uint32_t from) {
  if (state_) backend_.copy(*state_, at(to), *state_, at(from), state_floats() * 4);
}

void Segment::read_state(uint32_t slot, std::span<float> out) {
  require(out.size() == state_floats(), "{} floats for a state of {}", out.size(), state_floats());
  if (state_) backend_.download(std::as_writable_bytes(out), *state_, at(slot));
}

void Segment::write_state(uint32_t slot, std::span<const float> in) {
  require(in.size() == state_floats(), "{} floats for a state of {}", in.size(), state_floats());
  if (state_) backend_.upload(*state_, at(slot), std::as_bytes(in));
}

std::vector<ops::OpTime> Segment::times() const {
  return program_ ? program_->times() : std::vector<ops::OpTime>();
}

}  // namespace fulmar
