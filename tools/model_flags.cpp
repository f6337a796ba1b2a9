// Model flags and what follows from them; see model_flags.h.
#include "model_flags.h"

#include <cstdio>

#include "base/data_file.h"
#include "engine/model.h"
#include "progress.h"

namespace fulmar::tools {

void add_model_flags(CLI::App& command, ModelFlags& flags, NoModel otherwise) {
  const bool demo = otherwise == NoModel::demo;
  command
      .add_option("--model", flags.model,
                  demo ? "Model file; by default the small demo model that comes with the program"
                       : "Model file: safetensors, .pth, GGUF or rwkv.cpp's .bin")
      ->required(!demo);
  command.add_option("--strategy", flags.strategy,
                     "Device and precision, such as 'vulkan fp16', 'vulkan:1 fp16i8' or 'cpu fp32'; "
                     "by default the best device and the file's own precision");
  command
      .add_option("--gn-eps", flags.head_norm_eps,
                  "Epsilon of the group norm over heads (64e-5 unless the file says)")
      ->check(CLI::PositiveNumber);
  command.add_option("--threads", flags.threads, "CPU threads; by default one per core");
}

void add_vocab_flag(CLI::App& command, ModelFlags& flags) {
  command.add_option("--vocab", flags.vocab,
                     "Vocabulary file, or 'bytes'; by default the file beside the model with its name and "
                     ".vocab, else the World vocabulary");
}

void apply(const ModelFlags& flags, EngineOptions& options) {
  options.model = flags.model.empty() ? find_data_file("fulmar-demo.safetensors").string() : flags.model;
  options.vocab = flags.vocab;
  options.strategy = flags.strategy;
  options.head_norm_eps = flags.head_norm_eps;
  options.threads = flags.threads;
  options.progress = show_progress("loading " + options.model);
}

EngineOptions single_user(const ModelFlags& flags) {
  EngineOptions options;
  apply(flags, options);
  options.slots = 1;
  options.queue = 1;
  return options;
}

void announce_fallback(const std::string& strategy) {
  if (!strategy.empty()) return;
  const std::string why = why_no_vulkan();
  if (!why.empty()) std::fprintf(stderr, "no Vulkan device (%s): running on the CPU\n", why.c_str());
}

}  // namespace fulmar::tools
