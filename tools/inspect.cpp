// `fulmar inspect`: what a model file holds and what running it takes.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "engine/model_template.h"
#include "fulmar/error.h"
#include "inspect_tensors.h"
#include "model/devices.h"
#include "model/embedding_heads.h"
#include "model/model_folder.h"
#include "model/model_plan.h"
#include "model/model_profiles.h"
#include "model/vocabulary.h"
#include "ops/batch.h"

namespace fulmar::tools {
namespace {

struct InspectFlags {
  std::string model, vocab, strategy;
  bool tape = false, tensors = false;
  uint32_t slots = 0, step_tokens = 256;
};

StepSizes sizes_of(const InspectFlags& flags, const ModelPlan& plan) {
  const uint32_t slots = flags.slots ? flags.slots : default_slots(plan);
  return {slots, std::max(flags.step_tokens, slots), slots};
}

ops::Tape build_tape(const rwkv::Config& config, const Source& source, const std::string& text) {
  Strategy strategy = parse_strategy(text);
  if (strategy.parts.empty()) strategy.parts.push_back(first_device(strategy));
  return plan_model(strategy, config, source).whole;
}

double mib(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_kind(const rwkv::Config& config) {
  if (config.embeds)
    fmt::print("kind         embedding: {}\n", fmt::join(embedding_tasks, ", "));
  else
    fmt::print("kind         text\n");
}

// What a version has.
void print_shape(const rwkv::Config& c) {
  fmt::print("shape        L {}  C {}", c.L, c.C);
  if (c.H) fmt::print("  heads {} x {}", c.H, c.N);
  if (c.A != c.C) fmt::print("  recurrence {}", c.A);
  fmt::print("  F {}  V {}\n", c.F, c.V);
  std::string widths;
  for (const auto& [letter, width] :
       {std::pair("w", c.Dw), std::pair("a", c.Da), std::pair("v", c.Dv), std::pair("g", c.Dg),
        std::pair("mixes", c.Dx), std::pair("deep embed", c.De)})
    if (width) widths += fmt::format("  {} {}", letter, width);
  if (!widths.empty()) fmt::print("LoRA widths{}\n", widths);
  if (c.H) fmt::print("gn eps       {:g}\n", c.head_norm_eps);
}

// What lies beside the weights or in them and where, as loading finds it and /v1/models tells it.
void print_companions(const InspectFlags& flags, const Source& file, const rwkv::Config& config) {
  const ModelFolder folder = look_around(flags.model, file);
  const TrainedContext context = trained_context(folder, file);
  if (context.tokens)
    fmt::print("context      {} tokens in training, which bound nothing: {}\n", context.tokens,
               context.where);
  try {
    const FoundTokenizer found = open_vocabulary(flags.vocab, file, folder.vocabularies);
    if (flags.vocab.empty()) check_fits(*found.tokenizer, config.V);
    fmt::print("tokenizer    {} of {} ids: {}\n", found.tokenizer->kind(), found.tokenizer->size(),
               found.where);
    if (!config.embeds) {
      const TemplateChoice chat = template_of(folder, *found.tokenizer, "");
      fmt::print("template     {}: {}\n", chat.name, chat.found);
    }
  } catch (const Error& error) {
    if (!flags.vocab.empty()) throw;
    fmt::print("tokenizer    none: {}\n", error.what());
    if (!config.embeds) fmt::print("template     unknown without the tokenizer\n");
  }
  if (const Found profile = describe_profiles(folder, profiles_of(folder)); !profile.what.empty())
    fmt::print("profile      {}: {}\n", profile.what, profile.where);
}

// The precisions worth comparing: the scalar formats alone, then fp16 with each other one for the large
// matrices.
std::vector<std::string> precisions() {
  std::vector<std::string> words{"fp32", "fp16", "bf16"};
  for (const Format format : matrix_formats())
    if (info(format).scalar_bytes == 0) words.push_back(fmt::format("fp16{}", info(format).precision));
  return words;
}

// Memory on a GPU for each precision: everything resident, and with all layers but the head streamed. On the
// cpu, weights whose format is the file's take none.
void print_precisions(const rwkv::Config& config, const Source& source, const InspectFlags& flags) {
  const auto need = [&](const std::string& text, StepSizes& sizes) {
    const ModelPlan plan = plan_model(parse_strategy(text), config, source);
    sizes = sizes_of(flags, plan);
    return predict_memory(plan, source, sizes)[0];
  };
  fmt::print("memory of a GPU in MiB, for steps of {} tokens; MiB moved for one token decoded alone\n",
             flags.step_tokens);
  fmt::print("  {:<12} {:>9} {:>6} {:>9} {:>9} {:>10} {:>9} {:>9}\n", "precision", "weights", "slots",
             "states", "step", "resident", "streamed", "moved");
  for (const std::string& word : precisions()) {
    StepSizes sizes;
    const MemoryNeed all = need("vulkan " + word, sizes);
    const MemoryNeed streamed = need(fmt::format("vulkan {0} *0+ -> vulkan {0} *1", word), sizes);
    const ops::Tape tape = build_tape(config, source, "cpu " + word);
    fmt::print("  {:<12} {:>9.1f} {:>6} {:>9.1f} {:>9.1f} {:>10.1f} {:>9.1f} {:>9.1f}{}\n", word,
               mib(all.weights), sizes.slots, mib(all.states), mib(all.activations), mib(all.total()),
               mib(streamed.total()), mib(ops::cost(tape, {1, 1, 1}).bytes()),
               word == "fp32" ? "  (weights stay as the file has them)" : "");
  }
}

// Memory of each device of a strategy.
void print_strategy(const rwkv::Config& config, const Source& source, const InspectFlags& flags) {
  std::string said;
  Strategy strategy = with_devices_here(parse_strategy(flags.strategy), said);
  if (!said.empty()) fmt::print("{}\n", said);
  if (strategy.parts.empty()) strategy.parts.push_back(first_device(strategy));
  const ModelPlan plan = plan_model(strategy, config, source);
  const StepSizes sizes = sizes_of(flags, plan);
  const std::vector<MemoryNeed> needs = predict_memory(plan, source, sizes);
  fmt::print("strategy     {}\n", to_string(plan.strategy));
  for (const StagePlan& stage : plan.stages) {
    const rwkv::LayerRange& range = stage.layers;
    const bool head = range.head && range.last == config.L;
    const std::string layers = range.first == range.last ? ""
                               : range.first + 1 == range.last
                                   ? fmt::format("layer {}", range.first)
                                   : fmt::format("layers {} to {}", range.first, range.last - 1);
    fmt::print("  {:<10} {}{}{}{}\n", device_word(plan.devices[stage.device]), layers,
               head && !layers.empty() ? " and " : "", head ? "the head" : "",
               stage.streamed ? ", streamed" : "");
  }
  fmt::print("memory for {} slots and steps of {} tokens\n", sizes.slots, sizes.rows);
  for (size_t i = 0; i < needs.size(); ++i) {
    const MemoryNeed& need = needs[i];
    fmt::print(
        "  {:<10} {:.1f} MiB: weights {:.1f}, streaming {:.1f}, states {:.1f} ({:.2f} a slot), step {:.1f}, "
        "programs {:.1f}{}\n",
        device_word(plan.devices[i]), mib(need.total()), mib(need.weights), mib(need.arenas),
        mib(need.states), mib(need.slot), mib(need.activations), mib(need.programs),
        need.host ? fmt::format("; and {:.1f} MiB of host memory", mib(need.host)) : "");
  }
}

int run_inspect(const InspectFlags& flags) {
  const SourcePtr file = open_weights(flags.model);
  const rwkv::Config c = rwkv::detect(*file);
  const SourcePtr source = rwkv::canonical(file, c);
  if (c.embeds) EmbeddingHeads(*file, c.C, c.V);  // refuses what cannot be served
  if (flags.tensors) {
    print_tensors(*file);
    return 0;
  }
  if (flags.tape) {
    fmt::print("{}", ops::dump(build_tape(c, *source, flags.strategy)));
    return 0;
  }
  const ops::Tape own = build_tape(c, *source, "cpu");
  fmt::print("file         {}\n", flags.model);
  fmt::print("version      {} by its tensors\n", rwkv::name(c.version));
  print_kind(c);
  print_shape(c);
  fmt::print("parameters   {:.1f} million ({})\n", static_cast<double>(c.parameters) / 1e6, c.parameters);
  fmt::print("state        {:.2f} MiB a sequence\n", mib(uint64_t{own.state_floats} * 4));
  print_companions(flags, *file, c);
  fmt::print("tensors in the file\n");
  print_tensor_groups(*file, c);
  if (flags.strategy.empty())
    print_precisions(c, *source, flags);
  else
    print_strategy(c, *source, flags);
  return 0;
}

}  // namespace

void add_inspect(CommandLine& line) {
  auto flags = std::make_shared<InspectFlags>();
  Command command = line.command("inspect", "Show what a model file holds");
  command.option("file", flags->model, "Model file: safetensors, .pth, GGUF or rwkv.cpp's .bin").required();
  command.flag("--tensors", flags->tensors, "List the tensors with their formats and shapes instead");
  command.flag("--tape", flags->tape, "Print the operations the model is run as");
  command.option("--vocab", flags->vocab,
                 "Vocabulary file, or 'bytes', as the other commands take it; by default the model's own");
  command.option("--strategy", flags->strategy,
                 "Show where this strategy puts the layers, and the memory it needs on each device");
  command
      .option("--slots", flags->slots,
              "Sequences at once whose states are counted; by default as many as serve would have")
      .between(1, 4096);
  command.option("--step-tokens", flags->step_tokens, "Tokens of the largest step")
      .show_default()
      .between(1, 65536);
  command.runs([flags] { return run_inspect(*flags); });
}

}  // namespace fulmar::tools
