// Reading a tuned state beside a model; see state_file.h.
#include "rwkv/state_file.h"

#include <fmt/format.h>

#include "base/fail.h"
#include "rwkv/state.h"
#include "weights/names.h"

namespace fulmar::rwkv {
namespace {

class WithState final : public Source {
 public:
  WithState(SourcePtr model, SourcePtr state) : model_(std::move(model)), state_(std::move(state)) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> list = model_->names();
    std::erase_if(list, is_initial_state);
    for (std::string& name : state_->names()) list.push_back(std::move(name));
    return list;
  }
  std::optional<TensorRef> info(std::string_view name) const override { return of(name).info(name); }
  Tensor load(std::string_view name) const override { return of(name).load(name); }
  void release(std::string_view name) const override { of(name).release(name); }
  std::optional<std::string> metadata(std::string_view key) const override { return model_->metadata(key); }
  std::optional<EmbeddedVocabulary> vocabulary() const override { return model_->vocabulary(); }
  std::string label() const override { return model_->label(); }

 private:
  const Source& of(std::string_view name) const { return is_initial_state(name) ? *state_ : *model_; }
  SourcePtr model_, state_;
};

// Trainers save [value, key] with torch.save; ai00's converter turns that and writes "model_type: state" into
// the metadata. "format: pt" alone is left by converters of both kinds.
bool is_transposed(const Source& state, StateOrder order) {
  if (order != StateOrder::by_file) return order == StateOrder::key_value;
  if (state.metadata("model_type") == "state") return true;
  if (const auto format = state.metadata("format"))
    fail(ErrorKind::misuse,
         "{}: says \"format: {}\" and not in which order its matrices lie: give --state-order key-value if "
         "ai00's or "
         "web-rwkv's converter made it, and value-key if a trainer did",
         state.label(), *format);
  return false;
}

// The tuned state alone, as a trainer would have laid it out. `model` is whom it must fit.
SourcePtr checked(SourcePtr state, StateOrder order, const Config& config, const std::string& model) {
  const std::string label = state->label();
  if (config.H == 0)
    fail(ErrorKind::unsupported, "{}: RWKV {} has no states that could be tuned: leave --state out", label,
         name(config.version));
  const Shape expected = {config.H, config.N, config.N};
  for (uint32_t layer = 0; layer < config.L; ++layer) {
    const std::string tensor = fmt::format("blocks.{}.att.time_state", layer);
    const auto found = state->info(tensor);
    if (!found)
      fail(ErrorKind::bad_file, "{}: {} is missing: {} has {} layers, and a state file has one for each",
           label, tensor, model, config.L);
    if (found->shape != expected)
      fail(ErrorKind::bad_file, "{}: {} is {}, expected {}: this state is for another model than {}", label,
           tensor, to_string(found->shape), to_string(expected), model);
    if (found->format != Format::f64 && !info(found->format).decode_row)
      fail(ErrorKind::bad_file, "{}: {} holds {}, expected floats", label, tensor, info(found->format).name);
  }
  const std::vector<std::string> names = state->names();
  for (const std::string& name : names)
    if (!is_initial_state(name))
      fail(ErrorKind::bad_file, "{}: {} is no part of a state: give adapters as --adapter, models as --model",
           label, name);
  if (names.size() != config.L)
    fail(ErrorKind::bad_file, "{}: holds the states of {} layers, {} has {}: this state is for another model",
         label, names.size(), model, config.L);
  if (is_transposed(*state, order)) {
    std::vector<Renamed> turned;
    for (const std::string& name : names) turned.push_back({name, name, {layout::transpose()}});
    state = rename(std::move(state), std::move(turned));
  }
  return state;
}

}  // namespace

StateOrder parse_state_order(std::string_view word) {
  if (word.empty()) return StateOrder::by_file;
  if (word == "value-key") return StateOrder::value_key;
  if (word == "key-value") return StateOrder::key_value;
  fail(ErrorKind::misuse,
       "there is no order '{}' of a state: value-key is that of trainers, key-value that of ai00", word);
}

SourcePtr with_state_file(SourcePtr model, const StateFile& file, const Config& config) {
  return with_state(std::move(model), open_weights(file.path), file.order, config);
}

SourcePtr with_state(SourcePtr model, SourcePtr state, StateOrder order, const Config& config) {
  state = checked(std::move(state), order, config, model->label());
  return std::make_shared<WithState>(std::move(model), std::move(state));
}

std::vector<float> tuned_floats(const StateFile& file, const Config& config, const std::string& model) {
  return initial_state(*checked(open_weights(file.path), file.order, config, model), config, {0, config.L});
}

}  // namespace fulmar::rwkv
