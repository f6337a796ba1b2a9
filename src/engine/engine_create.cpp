// Engine::create(): from a model file to a running engine.
#include <chrono>

#include "engine/make_engine.h"
#include "model/model_name.h"
#include "model/vocabulary.h"
#include "rwkv/config.h"

namespace fulmar {

ModelOptions model_options(const EngineOptions& options) {
  ModelOptions out;
  out.path = options.model;
  out.strategy = options.strategy;
  out.memory_limit = options.memory_limit;
  out.head_norm_eps = options.head_norm_eps;
  out.adapters = options.adapters;
  out.state = {options.state, rwkv::parse_state_order(options.state_order)};
  out.slots = options.slots;
  out.max_rows = options.step_tokens;
  out.threads = options.threads;
  out.matrix_units = options.matrix_units;
  out.reproducible = options.reproducible;
  out.progress = options.progress;
  return out;
}

std::unique_ptr<Engine> Engine::create(const EngineOptions& options) {
  SourcePtr file = open_weights(options.model);
  // The vocabulary first: it loads fast, and a wrong path should not cost the minutes that a large model
  // takes.
  std::shared_ptr<const Tokenizer> tokenizer = open_vocabulary(options.vocab, *file, options.model);
  std::unique_ptr<Model> model = Model::load(model_options(options), std::move(file));

  const rwkv::Config& config = model->config();
  ModelInfo info;
  info.id = options.name.empty() ? model_name(options.model) : options.name;
  info.version = rwkv::name(config.version);
  info.strategy = model->strategy();
  info.device = model->caps().name;
  info.layers = config.L;
  info.channels = config.C;
  info.vocab = config.V;
  info.parameters = config.parameters;
  info.weight_bytes = model->weight_bytes();
  info.state_bytes = model->state_floats() * sizeof(float);
  info.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  return make_engine(std::move(model), std::move(tokenizer), options, std::move(info));
}

}  // namespace fulmar
