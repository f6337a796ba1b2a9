// Model flags and what follows from them; see model_flags.h.
#include "model_flags.h"

#include <cstdio>

#include "engine/model.h"
#include "progress.h"

namespace fulmar::tools {

void add_model_flags(CLI::App& command, ModelFlags& flags) {
  command.add_option("--model", flags.model, "Model file: .safetensors or .pth")->required();
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
  command.add_option(
      "--vocab", flags.vocab,
      "Vocabulary file, or 'bytes'; by default the World vocabulary that comes with the program");
}

EngineOptions single_user(const ModelFlags& flags) {
  EngineOptions options;
  options.model = flags.model;
  options.vocab = flags.vocab;
  options.strategy = flags.strategy;
  options.head_norm_eps = flags.head_norm_eps;
  options.threads = flags.threads;
  options.slots = 1;
  options.queue = 1;
  options.progress = show_progress("loading " + flags.model);
  return options;
}

void announce_fallback(const std::string& strategy) {
  if (!strategy.empty()) return;
  const std::string why = why_no_vulkan();
  if (!why.empty()) std::fprintf(stderr, "no Vulkan device (%s): running on the CPU\n", why.c_str());
}

}  // namespace fulmar::tools
