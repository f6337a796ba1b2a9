// `fulmar inspect`: what a model file holds and what running it takes.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "commands.h"
#include "engine/strategy.h"
#include "ops/batch.h"
#include "ops/tape.h"
#include "rwkv/forward.h"

namespace fulmar::tools {
namespace {

struct InspectFlags {
  std::string model, strategy;
  bool tape = false;
};

ops::Tape build_tape(const rwkv::Config& config, const Source& source, const Strategy& strategy) {
  return rwkv::build(config, {0, config.L}, [&](const std::string& name, uint32_t, uint32_t cols) {
    return choose_format(strategy, name, source.info(name)->format, cols);
  });
}

uint64_t weight_bytes(const ops::Tape& tape) {
  uint64_t bytes = 0;
  for (const ops::Weight& w : tape.weights) bytes += info(w.format).matrix_bytes(w.rows, w.cols);
  return bytes;
}

double mib(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

void print_formats(const Source& source) {
  struct Kept {
    uint64_t tensors = 0, bytes = 0;
  };
  std::map<std::string_view, Kept> formats;
  for (const std::string& name : source.names()) {
    const TensorRef tensor = *source.info(name);
    Kept& kept = formats[info(tensor.format).name];
    ++kept.tensors;
    const uint64_t count = element_count(tensor.shape), K = tensor.shape.empty() ? 1 : tensor.shape.back();
    kept.bytes += info(tensor.format).matrix_bytes(K ? count / K : 0, K);
  }
  for (const auto& [format, kept] : formats)
    fmt::print("  {:<12} {} tensors, {:.1f} MiB\n", format, kept.tensors, mib(kept.bytes));
}

// The precisions a strategy can name: each scalar format alone, then with each block format for the large
// matrices.
std::vector<std::string> precisions() {
  std::vector<std::string> words{"fp32", "fp16", "bf16"};
  for (const Format format : matrix_formats())
    if (info(format).scalar_bytes == 0)
      for (const std::string_view base : {"fp16", "bf16"})
        words.push_back(fmt::format("{}{}", base, info(format).precision));
  return words;
}

int run_inspect(const InspectFlags& flags) {
  const SourcePtr file = open_weights(flags.model);
  const rwkv::Config c = rwkv::detect(*file);
  const SourcePtr source = rwkv::canonical(file, c);
  if (flags.tape) {
    fmt::print("{}", ops::dump(build_tape(c, *source, parse_strategy(flags.strategy))));
    return 0;
  }
  const ops::Tape own = build_tape(c, *source, Strategy{});
  fmt::print("file         {}\n", flags.model);
  fmt::print("version      {}\n", rwkv::name(c.version));
  fmt::print("shape        L {}  C {}  heads {} x {}  F {}  V {}\n", c.L, c.C, c.H, c.N, c.F, c.V);
  fmt::print("LoRA widths  w {}  a {}  v {}  g {}\n", c.Dw, c.Da, c.Dv, c.Dg);
  fmt::print("gn eps       {:g}\n", c.head_norm_eps);
  fmt::print("parameters   {:.1f} million ({})\n", static_cast<double>(c.parameters) / 1e6, c.parameters);
  fmt::print("state        {:.2f} MiB a sequence\n", mib(uint64_t{own.state_floats} * 4));
  fmt::print("tensors in the file\n");
  print_formats(*file);
  // A token decoded alone reads every weight and its state once; the embedding stays in the file.
  fmt::print("memory for weights, and bytes moved for one token decoded alone\n");
  for (const std::string& precision : precisions()) {
    const ops::Tape tape = build_tape(c, *source, parse_strategy(fmt::format("cpu {}", precision)));
    fmt::print("  {:<12} {:>9.1f} MiB  {:>9.1f} MiB{}\n", precision, mib(weight_bytes(tape)),
               mib(ops::cost(tape, {1, 1, 1}).bytes()),
               precision == "fp32" ? "  (weights stay as the file has them)" : "");
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Command& run) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a model file holds");
  command->add_option("file", flags->model, "Model file: safetensors, .pth, GGUF or rwkv.cpp's .bin")
      ->required();
  CLI::Option* tape = command->add_flag("--tape", flags->tape, "Print the operations the model is run as");
  command
      ->add_option("--strategy", flags->strategy, "With --tape: the strategy whose weight formats are shown")
      ->needs(tape);
  command->callback([flags, &run] { run = [flags] { return run_inspect(*flags); }; });
}

}  // namespace fulmar::tools
