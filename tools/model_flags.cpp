// Model flags and what follows from them; see model_flags.h.
#include "model_flags.h"

#include <algorithm>
#include <limits>

#include "base/data_file.h"
#include "base/fail.h"
#include "progress.h"
#include "text/chat_template.h"

namespace fulmar::tools {
namespace {

// Modes and scalings belong to the files in their order; a single one belongs to all of them.
std::vector<Adapter> adapters_of(const ModelFlags& flags) {
  const size_t count = flags.adapters.size();
  const auto check = [&](const char* flag, size_t given) {
    if (given > 1 ? given != count : given > count)
      fail(ErrorKind::misuse, "{} is given {} times for {} --adapter: give it once, or once for each", flag,
           given, count);
  };
  check("--adapter-mode", flags.adapter_modes.size());
  check("--adapter-scaling", flags.adapter_scalings.size());
  const auto pick = [](const auto& list, size_t i, auto& to) {
    if (!list.empty()) to = list[list.size() == 1 ? 0 : i];
  };
  std::vector<Adapter> adapters(count);
  for (size_t i = 0; i < count; ++i) {
    adapters[i].file = flags.adapters[i];
    pick(flags.adapter_modes, i, adapters[i].mode);
    pick(flags.adapter_scalings, i, adapters[i].scaling);
  }
  return adapters;
}

}  // namespace

void add_memory_limit(Command& command, uint64_t& limit) {
  command
      .option("--memory-limit", limit,
              "Memory of each GPU that may be used, such as 2G or 500M; layers that do not fit are streamed")
      .size_in_bytes()
      .positive();
}

void add_model_flags(Command& command, ModelFlags& flags, NoModel otherwise) {
  const bool demo = otherwise == NoModel::demo;
  command
      .option("--model", flags.spec.file,
              demo ? "Model file; by default the small demo model that comes with the program"
                   : "Model file: safetensors, .pth, GGUF or rwkv.cpp's .bin")
      .required(!demo);
  command.option("--strategy", flags.spec.strategy,
                 "Devices, precisions and layers, such as 'vulkan fp16', 'cpu fp32' or 'vulkan fp16i8 *20 "
                 "-> cpu fp32'; by default 'auto', which chooses by free memory");
  add_memory_limit(command, flags.spec.memory_limit);
  command.flag("--no-matrix-units", flags.no_matrix_units,
               "Do not use the matrix units of GPUs, nor try whether they work");
  command
      .option("--gn-eps", flags.spec.head_norm_eps,
              "Epsilon of the group norm over heads (64e-5 unless the file says)")
      .positive();
  command
      .option(
          "--adapter", flags.adapters,
          "Adapter to merge into the weights (LoRA, DoRA, Bone, DiSHA, PiSSA, MoLE), a file or the folder "
          "that PEFT left; may be repeated")
      .one_word_each();
  command
      .option("--adapter-mode", flags.adapter_modes,
              "What kind the adapter must be: lora, dora, bone, disha, pissa, mole; by default what it is")
      .one_word_each();
  command
      .option(
          "--adapter-scaling", flags.adapter_scalings,
          "The trainer's alpha / rank, for LoRA and DoRA; by default what PEFT's adapter_config.json beside "
          "the file says, else 2")
      .one_word_each();
  const Option state =
      command.option("--state", flags.states, "Tuned state file that every sequence starts from").one_word_each();
  command
      .option(
          "--state-order", flags.spec.state_order,
          "How the state's matrices lie: value-key (RWKV's trainers) or key-value (ai00); by default what "
          "the file tells")
      .one_of({"value-key", "key-value"})
      .needs(state);
  command.option("--threads", flags.spec.threads, "CPU threads; by default one per core");
  command
      .option("--activations", flags.spec.activations,
              "What the CPU rounds the inputs of products with integer formats to: f32 (nothing), i16 or i8; by default "
              "what the format's own rounding hides")
      .one_of({"f32", "i16", "i8"});
  command.flag("--reproducible", flags.spec.reproducible,
               "The same seed gives the same text in any company, on every device; slower on some");
}

void add_vocab_flag(Command& command, ModelFlags& flags) {
  command.option(
      "--vocab", flags.spec.vocab,
      "Vocabulary file, or 'bytes'; by default the model's own, inside it or beside it, else the World "
      "vocabulary");
}

void add_chat_flags(Command& command, ModelFlags& flags, std::optional<uint32_t>& reasoning_budget) {
  command.option("--chat-template", flags.spec.chat_template,
                 "How the model is spoken to: " + template_names() + "; by default what its name and files tell");
  command
      .option("--reasoning-budget", reasoning_budget,
              "Tokens that a thought may have, before it is closed and the answer begins; by default no limit")
      .not_negative();
}

std::string demo_model_file() {
  return find_data_file("fulmar-demo.safetensors").string();
}

ModelSpec spec_of(const ModelFlags& flags, NoModel otherwise) {
  ModelSpec spec = flags.spec;
  if (spec.file.empty() && otherwise == NoModel::demo) spec.file = demo_model_file();
  spec.matrix_units = !flags.no_matrix_units;
  spec.adapters = adapters_of(flags);
  if (flags.states.size() > 1)
    fail(ErrorKind::misuse, "--state is given {} times: only chat and complete mix several states", flags.states.size());
  if (!flags.states.empty()) spec.state = flags.states[0];
  if (!spec.file.empty()) spec.progress = show_progress(fmt::format("loading {}", spec.file));
  return spec;
}

EngineOptions single_user(const ModelFlags& flags) {
  EngineOptions options;
  options.model = spec_of(flags);
  options.model.slots = 1;
  options.queue = 1;
  // Whoever waits for an answer of their own may give the model as much to read as they like.
  options.max_prompt_tokens = std::numeric_limits<uint32_t>::max() / 2;
  options.queue_tokens = options.max_prompt_tokens;
  return options;
}

void add_gate_flag(Command& command, ModelFlags& flags) {
  command
      .option("--gate", flags.gates,
              "Share of a --state, where several are given, whose predictions are mixed; once for each, by default equal")
      .one_word_each();
}

EngineOptions mixing_user(const ModelFlags& flags) {
  const size_t states = flags.states.size();
  if (!flags.gates.empty() && (states < 2 || flags.gates.size() != states))
    fail(ErrorKind::misuse, "--gate is given {} times for {} --state: give it once for each of several, or not at all",
         flags.gates.size(), states);
  ModelFlags first = flags;  // what is wrong with that one costs no loading
  first.states.resize(std::min<size_t>(states, 1));
  EngineOptions options = single_user(first);
  options.model.slots = static_cast<uint32_t>(std::max<size_t>(states, 1));
  return options;
}

std::vector<Stream> streams_of(const Engine& engine, const ModelFlags& flags) {
  std::vector<Stream> streams(flags.states.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    streams[i].start = engine.tuned_state(flags.states[i], flags.spec.state_order);
    if (!flags.gates.empty()) streams[i].gate = flags.gates[i];
  }
  return streams;
}

}  // namespace fulmar::tools
