// Loading as a list of steps, from top to bottom; see load.h.
#include "model/load.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/log.h"
#include "base/pages.h"
#include "fulmar/error.h"
#include "model/auto_strategy.h"
#include "model/devices.h"
#include "model/embedding_heads.h"
#include "model/model_name.h"
#include "model/model_profiles.h"
#include "model/place_model.h"
#include "model/vocabulary.h"

namespace fulmar {
namespace {

void check_words(const ModelSpec& spec) {
  parse_strategy(spec.strategy);
  if (!spec.activations.empty()) parse_activations(spec.activations);
  state_file(spec);
}

// Rows of logits of a step at least: with 65,536 tokens 17 MB, and so many of a prompt's tokens can be scored at once.
constexpr uint32_t scored_rows = 64;

// Whether another device may do better. What is wrong with the model or its options is wrong everywhere.
bool is_of_the_device(const Error& error) {
  constexpr ErrorKind kinds[] = {ErrorKind::unsupported, ErrorKind::device_lost, ErrorKind::internal};
  return std::find(std::begin(kinds), std::end(kinds), error.kind()) != std::end(kinds);
}

// The two questions that choose_plan() asks of a model.
struct Planning {
  Planning(const LoadOptions& options, const ModelSource& source)
      : plan_of([&options, &source](const Strategy& strategy) {
          ModelPlan made = plan_model(strategy, source.config, *source.canonical);
          for (StagePlan& stage : made.stages) {
            stage.tape.reproducible = options.reproducible;
            if (!options.activations.empty()) stage.tape.activations = parse_activations(options.activations);
          }
          return made;
        }),
        needs_of([&options, &source](const ModelPlan& plan) {
          return predict_memory(plan, *source.canonical, step_sizes(options, plan));
        }) {}

  const PlanOf plan_of;
  const NeedsOf needs_of;
};

ModelInfo info_of(const Model& model, const ModelSpec& spec) {
  const rwkv::Config& config = model.config();
  ModelInfo info;
  info.id = spec.name.empty() ? model_name(spec.file) : spec.name;
  info.path = spec.file;
  info.version = rwkv::name(config.version);
  info.strategy = model.strategy();
  info.device = model.caps().name;
  info.layers = config.L;
  info.channels = config.C;
  info.slots = model.slots();
  info.embeds = config.embeds;
  info.ranks = model.heads() && model.heads()->ranks();
  info.vocab = config.V;
  info.parameters = config.parameters;
  info.weight_bytes = model.weight_bytes();
  info.state_bytes = model.state_floats() * sizeof(float);
  info.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  return info;
}

}  // namespace

LoadedParts load_parts(const ModelSpec& spec) {
  check_words(spec);
  const SourcePtr file = open_weights(spec.file);
  LoadedParts parts;
  parts.folder = look_around(spec.file, *file);
  FoundTokenizer found = open_vocabulary(spec.vocab, *file, parts.folder.vocabularies);
  parts.tokenizer = std::move(found.tokenizer);
  const TrainedContext context = trained_context(parts.folder, *file);
  parts.model = Model::load(LoadOptions{spec, scored_rows, {}}, file);
  parts.info = info_of(*parts.model, spec);
  parts.info.tokenizer = {std::string(parts.tokenizer->kind()), std::move(found.where)};
  parts.info.trained_context = context.tokens;
  parts.info.trained_context_from = context.where;
  parts.info.sampling_profiles = profiles_of(parts.folder);
  parts.info.sampling_profile = describe_profiles(parts.folder, parts.info.sampling_profiles);
  log_info("tokenizer: {} of {} ids, from {}", parts.info.tokenizer.what, parts.tokenizer->size(),
           parts.info.tokenizer.where);
  if (context.tokens) log_info("context of the training: {} tokens, from {}", context.tokens, context.where);
  return parts;
}

std::unique_ptr<Model> Model::load(const LoadOptions& options) {
  check_words(options);
  return load(options, open_weights(options.file));
}

std::unique_ptr<Model> Model::load(const LoadOptions& options, SourcePtr file) {
  std::string said;
  const Strategy wanted = with_devices_here(parse_strategy(options.strategy), said);
  if (!said.empty()) log_info("{}", said);
  // What the model is: adapters merged, version and sizes found, names and orientations made the same.
  ModelSource source =
      make_model_source(std::move(file), options.adapters, state_file(options), options.head_norm_eps);
  // Where its layers go, by the memory that takes.
  const Planning planning(options, source);
  ModelPlan plan = choose_plan(wanted, source.config.L, options.memory_limit, planning.plan_of, planning.needs_of);
  // Onto the devices. Nobody asked for a GPU that was chosen here, so its failure is not the last word.
  if (wanted.parts.empty() && plan.devices[0].device != "cpu") {
    try {
      return place_model(options, std::move(plan), source);
    } catch (const Error& error) {
      if (!is_of_the_device(error)) throw;
      log_warning("{}; it runs on the CPU instead", error.what());
      plan = planning.plan_of(parse_strategy("cpu " + wanted.precision));
    }
  }
  return place_model(options, std::move(plan), std::move(source));
}

// Planned for the memory that is free now, and for a machine with nothing else on it.
bool fits_beside_others(const ModelSpec& spec) {
  check_words(spec);
  if (spec.file.empty()) return true;
  std::string said;  // where it is loaded
  const Strategy wanted = with_devices_here(parse_strategy(spec.strategy), said);
  const SourcePtr file = open_weights(spec.file);
  open_vocabulary(spec.vocab, *file, look_around(spec.file, *file).vocabularies);
  const LoadOptions options{spec, 0, {}};
  const ModelSource source = make_model_source(file, spec.adapters, state_file(spec), spec.head_norm_eps);
  const Planning planning(options, source);
  const std::vector<ListedDevice> devices = list_devices();
  std::vector<ListedDevice> empty = devices;
  for (ListedDevice& device : empty) device.caps.free_bytes = 0;
  const auto plan_with = [&](const std::vector<ListedDevice>& listed) {
    return choose_plan(wanted, source.config.L, spec.memory_limit, planning.plan_of, planning.needs_of, listed, {}).plan;
  };
  const ModelPlan now = plan_with(devices);
  if (to_string(now.strategy) != to_string(plan_with(empty).strategy)) return false;
  const std::vector<MemoryNeed> needs = planning.needs_of(now);
  uint64_t host = now.devices[0].device == "cpu" ? now.weight_bytes() : 0;  // also what lies in the file
  for (size_t i = 0; i < needs.size(); ++i) {
    host += needs[i].host + (now.devices[i].device == "cpu" ? needs[i].states + needs[i].activations : 0);
    const std::string word = device_word(now.devices[i]);
    for (const ListedDevice& device : devices)
      if (device.word == word && device.caps.free_bytes && needs[i].total() > device.caps.free_bytes) return false;
  }
  return host < available_memory();
}

}  // namespace fulmar
