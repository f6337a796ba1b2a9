// `fulmar bench`: tokens a second and bytes a second, for prompts and for decoding at several batch sizes.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

#include "bandwidth.h"
#include "base/fail.h"
#include "bench_ops.h"
#include "bench_shapes.h"
#include "commands.h"
#include "model/devices.h"
#include "model_flags.h"
#include "progress.h"

namespace fulmar::tools {
namespace {

struct BenchFlags : ModelFlags {
  std::vector<uint32_t> batches{1, 2, 4, 8}, prefills{128, 512};
  uint32_t decode = 32, repeats = 3;
  bool ops = false;
  std::string made;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// What one measurement does: steps of these shapes, one after another.
struct Work {
  std::string name;
  std::vector<ops::BatchShape> steps;
  uint64_t tokens = 0;
};

Work prefill_work(uint32_t length, uint32_t step_tokens) {
  Work work{fmt::format("prefill {}", length), {}, length};
  for (uint32_t done = 0; done < length;) {
    const uint32_t rows = std::min(step_tokens, length - done);
    done += rows;
    work.steps.push_back({rows, 1, done == length ? 1u : 0u});  // only the last row's logits are wanted
  }
  return work;
}

Work decode_work(uint32_t batch) {
  return {fmt::format("decode x{}", batch), {{batch, batch, batch, batch}}, batch};
}

class Bench {
 public:
  Bench(Model& model, const Bandwidth& memory) : model_(model), memory_(memory) {}

  // The median of `repeats` runs, after those that compile and warm up.
  void measure(const Work& work, uint32_t repeats) {
    warm_up(work);
    std::vector<double> times;
    for (uint32_t i = 0; i < repeats; ++i) times.push_back(run(work));
    const double seconds = median(std::move(times));
    double bytes = 0, flops = 0;
    for (const ops::BatchShape& shape : work.steps) {
      const ops::Cost cost = step_cost(model_.tape(), shape);
      bytes += static_cast<double>(cost.bytes());
      flops += static_cast<double>(cost.flops);
    }
    fmt::print("{:<14} {:>10.3f} {:>10.1f} {:>9.2f} {:>8.1f}% {:>10.1f}\n", work.name, seconds * 1e3,
               static_cast<double>(work.tokens) / seconds, bytes / seconds / 1e9,
               100 * bytes / seconds / memory_.bytes_per_second, flops / seconds / 1e9);
    std::fflush(stdout);
  }

  void measure_ops(const Work& work, uint32_t repeats) {
    model_.set_timing(true);
    warm_up(work);
    OpTable table(model_.tape());
    for (uint32_t i = 0; i < repeats; ++i)
      run(work, [&](const ops::BatchShape& shape) { table.add(shape, model_.times()); });
    model_.set_timing(false);
    table.print(work.name, repeats, memory_.bytes_per_second);
  }

 private:
  // A GPU that had nothing to do needs a while to reach its clocks.
  void warm_up(const Work& work) {
    constexpr double least_seconds = 1;
    for (double spent = 0; spent < least_seconds;) spent += run(work);
  }

  double run(const Work& work, const std::function<void(const ops::BatchShape&)>& after_step = {}) {
    const auto start = Clock::now();
    for (const ops::BatchShape& shape : work.steps) {
      step(shape);
      if (after_step) after_step(shape);
    }
    return seconds_since(start);
  }

  void step(const ops::BatchShape& shape) {
    tokens_.resize(shape.rows);
    for (int32_t& token : tokens_) {
      seed_ = seed_ * 1664525u + 1013904223u;  // which tokens does not matter, as long as they differ
      token = static_cast<int32_t>((seed_ >> 8) % model_.config().V);
    }
    segments_.clear();
    for (uint32_t s = 0; s < shape.segments; ++s)
      segments_.push_back(
          {s, s * (shape.rows / shape.segments), shape.rows / shape.segments, shape.decodes > 0});
    picks_.resize(shape.picks);
    std::iota(picks_.begin(), picks_.end(), shape.rows - shape.picks);
    model_.step(tokens_, segments_, picks_);
  }

  Model& model_;
  const Bandwidth& memory_;
  std::vector<int32_t> tokens_;
  std::vector<ops::Segment> segments_;
  std::vector<uint32_t> picks_;
  uint32_t seed_ = 1;
};

std::unique_ptr<Model> load(const BenchFlags& flags, uint32_t batch) {
  LoadOptions options{spec_of(flags), 0, {}};
  if (!flags.made.empty()) options.progress = show_progress("making a " + flags.made);
  options.slots = batch;
  options.step_tokens = std::max(batch, options.step_tokens);
  return flags.made.empty() ? Model::load(options) : Model::load(options, made_model(flags.made));
}

int run_bench(const BenchFlags& flags) {
  if (flags.spec.file.empty() == flags.made.empty())
    fail(ErrorKind::misuse, "a model is needed: --model FILE, or --made SIZE with one of {}", made_sizes());
  // Measured before the model takes its memory.
  Bandwidth memory;
  {
    constexpr bool matrix_units = false;  // copies are measured
    std::string said;  // where the model is loaded
    const Strategy strategy = with_devices_here(parse_strategy(flags.spec.strategy), said);
    const OpenedDevice device = open_device(first_device(strategy), flags.spec.threads, matrix_units);
    memory = measure_bandwidth(*device.backend, flags.spec.threads);
  }
  const uint32_t most =
      flags.batches.empty() ? 1 : *std::max_element(flags.batches.begin(), flags.batches.end());
  const auto started = Clock::now();
  const std::unique_ptr<Model> model = load(flags, most);
  const double loading = seconds_since(started);

  const rwkv::Config& c = model->config();
  fmt::print("model      {}: {:.1f} million parameters (L {}, C {}, F {}, V {})\n",
             flags.made.empty() ? flags.spec.file : "made " + flags.made, static_cast<double>(c.parameters) / 1e6,
             c.L, c.C, c.F, c.V);
  fmt::print("device     {}, {}\n", model->strategy(), model->caps().name);
  fmt::print("weights    {:.1f} MiB, loaded in {:.2f} s\n",
             static_cast<double>(model->weight_bytes()) / (1 << 20), loading);
  fmt::print("memory     {:.1f} GB/s ({})\n", memory.bytes_per_second / 1e9, memory.how);
  fmt::print("\n{:<14} {:>10} {:>10} {:>9} {:>9} {:>10}\n", "", "ms", "tok/s", "GB/s", "of memory",
             "GFLOP/s");

  Bench bench(*model, memory);
  std::vector<std::pair<Work, uint32_t>> all;
  for (const uint32_t length : flags.prefills)
    all.emplace_back(prefill_work(length, flags.spec.step_tokens), flags.repeats);
  for (const uint32_t batch : flags.batches) all.emplace_back(decode_work(batch), flags.decode);
  for (const auto& [work, repeats] : all) bench.measure(work, repeats);
  if (flags.ops)
    for (const auto& [work, repeats] : all) bench.measure_ops(work, repeats);
  fmt::print("\n");
  for (const DeviceMemory& used : model->memory())
    fmt::print("{:<10} {:.1f} MiB of memory used at most, {:.1f} MiB foretold\n", used.device,
               static_cast<double>(used.used.peak) / (1 << 20),
               static_cast<double>(used.predicted) / (1 << 20));
  return 0;
}

}  // namespace

void add_bench(CommandLine& line) {
  auto flags = std::make_shared<BenchFlags>();
  Command command = line.command("bench", "Measure how fast a model runs");
  add_model_flags(command, *flags);
  command.find("--model").required(false);
  command.option(
      "--made", flags->made,
      "Instead of a model file: random weights in the shape of a published RWKV-7, " + made_sizes());
  command.option("--batch", flags->batches, "Sequences decoded at once: 1,2,4,8")
      .split_at(',')
      .show_default()
      .between(1, 4096);
  command.option("--prefill", flags->prefills, "Prompt lengths: 128,512")
      .split_at(',')
      .show_default()
      .between(1, 1 << 20);
  command.option("--decode", flags->decode, "Decode steps measured at each batch size; their median is shown")
      .show_default()
      .between(1, 100000);
  command.option("--repeats", flags->repeats, "Prompts measured at each length; their median is shown")
      .show_default()
      .between(1, 100000);
  command.option("--step-tokens", flags->spec.step_tokens, "Prompt tokens given to the model at once")
      .show_default()
      .between(1, 65536);
  command.flag("--ops", flags->ops, "Also show the time of every kind of operation");
  command.runs([flags] { return run_bench(*flags); });
  add_bench_serve(command);
}

}  // namespace fulmar::tools
