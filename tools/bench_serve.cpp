// `fulmar bench serve`: asks a running server as many clients would, and reports how long they waited.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "base/fail.h"
#include "base/platform.h"
#include "commands.h"
#include "load/exchange.h"
#include "load/report.h"
#include "load/request_form.h"
#include "model/vocabulary.h"
#include "progress.h"

namespace fulmar::tools {
namespace {

using load::Prompt;

constexpr ProgressUnit requests{1, "requests"};

struct ServeBenchFlags {
  std::string backend = "fulmar", host = "127.0.0.1", base_url, model, tokenizer;
  std::optional<uint32_t> port, sharegpt_output, max_concurrency;
  std::optional<std::string> password;
  std::string dataset_name, dataset_path, arrivals = "poisson", rate = "inf", output_file, extra_body;
  std::vector<std::string> rates{"2", "34", "2"}, goodput;
  uint32_t num_prompts = 1000;
  load::RandomLengths lengths;
  uint64_t seed = 1;
  double timeout = 6 * 3600;
  bool multi = false, no_bar = false, no_stream = false, stop_at_eos = false;
};

load::Target target_of(const ServeBenchFlags& flags, const load::RequestForm& form) {
  load::Target target;
  target.host = flags.host;
  target.port = flags.port ? static_cast<uint16_t>(*flags.port) : form.port;
  if (!flags.base_url.empty()) load::set_address(target, flags.base_url);
  const char* variable = std::getenv("FULMAR_PASSWORD");
  target.password = flags.password ? *flags.password : variable ? variable : "";
  target.timeout_seconds = flags.timeout;
  return target;
}

boost::json::object extra_of(const std::string& text) {
  if (text.empty()) return {};
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object())
    fail(ErrorKind::misuse, "--extra-request-body is no JSON object such as {{\"top_p\": 0.5}}: {}", text);
  return value.get_object();
}

std::string model_of(const ServeBenchFlags& flags, const load::Target& target) {
  if (!flags.model.empty()) return flags.model;
  constexpr const char* list = "/v1/models";
  std::string model;
  try {
    model = load::first_model(load::get(target, list));
  } catch (const Error& error) {
    fail(error.kind(), "{}; is a server running there? Where it has no list of models, name its model with --model", error.what());
  }
  if (model.empty()) fail(ErrorKind::unavailable, "{} names no model; name it with --model", list);
  return model;
}

class ServeBench {
 public:
  explicit ServeBench(const ServeBenchFlags& flags)
      : flags_(flags),
        form_(load::request_form(flags.backend)),
        rates_(flags.multi ? load::parse_rates(flags.rates) : std::vector<double>{load::parse_rate(flags.rate)}),
        limits_(load::parse_limits(flags.goodput)),
        extra_(extra_of(flags.extra_body)),
        target_(target_of(flags, form_)),
        tokenizer_(open_vocabulary(flags.tokenizer)) {
    setup_.backend = flags.backend;
    setup_.dataset = !flags.dataset_name.empty() ? flags.dataset_name : flags.dataset_path.empty() ? "random" : "sharegpt";
    if (setup_.dataset == "sharegpt" && flags.dataset_path.empty())
      fail(ErrorKind::misuse, "--dataset-name sharegpt needs the file: --dataset-path FILE; without one, --dataset-name random");
    setup_.spacing = flags.arrivals == "fixed" ? load::Spacing::fixed : load::Spacing::poisson;
    setup_.sharegpt_output = flags.sharegpt_output;
    setup_.lengths = flags.lengths;
    setup_.prompts = flags.num_prompts;
    setup_.max_concurrency = flags.max_concurrency.value_or(0);
    if (flags.output_file == "none") return;
    const std::string name = flags.output_file.empty() ? load::report_name(setup_) : flags.output_file;
    lines_.open(name, std::ios::app);
    if (!lines_) fail(ErrorKind::bad_file, "--output-file: {} cannot be written", name);
  }

  int run() {
    setup_.model = model_of(flags_, target_);
    warm_up();
    bool any = false;
    for (size_t i = 0; i < rates_.size(); ++i) any |= run(rates_[i], flags_.seed + i);
    return any ? 0 : 1;
  }

 private:
  // One request by itself: whether the server understands, and what is made at first use.
  void warm_up() const {
    constexpr load::RandomLengths lengths{256, 16, 1};
    const std::vector<Prompt> one = load::random_prompts(*tokenizer_, lengths, {}, 1, ~flags_.seed);
    const std::vector<load::Outcome> outcomes = exchange(target_, load_of(one));
    const load::Outcome& first = outcomes[0];
    if (first.fault == load::Fault::none) return;
    fail(ErrorKind::unavailable, "the first request to {}:{} failed ({}): {}", target_.host, target_.port,
         load::fault_names[static_cast<size_t>(first.fault)], first.why);
  }

  // False: no request succeeded. Each run has prompts of its own, lest a server that remembers prompts has read them.
  bool run(double rate, uint64_t seed) {
    const std::vector<Prompt> prompts = prompts_of(seed);
    load::Load load = load_of(prompts);
    load.times = load::arrival_times(prompts.size(), rate, setup_.spacing, seed);
    load.max_concurrency = setup_.max_concurrency;
    if (!flags_.no_bar) load.progress = show_progress("asking", requests);
    const load::Figures figures = measure(exchange(target_, load), prompts, *tokenizer_, limits_);
    setup_.rate = rate;
    setup_.seed = seed;
    fmt::print("{}", report_text(setup_, figures));
    std::fflush(stdout);
    if (lines_.is_open() && !(lines_ << report_json(setup_, figures) << std::endl))
      fail(ErrorKind::bad_file, "--output-file could not be written; is the disk full?");
    return figures.completed > 0;
  }

  std::vector<Prompt> prompts_of(uint64_t seed) const {
    const size_t count = flags_.num_prompts;
    if (setup_.dataset == "random") return load::random_prompts(*tokenizer_, setup_.lengths, flags_.dataset_path, count, seed);
    std::vector<Prompt> prompts = load::sharegpt_prompts(*tokenizer_, flags_.dataset_path, setup_.sharegpt_output, count, seed);
    if (prompts.size() < count)
      fail(ErrorKind::misuse, "{} has {} conversations that fit, and --num-prompts is {}", flags_.dataset_path, prompts.size(), count);
    return prompts;
  }

  load::Load load_of(const std::vector<Prompt>& prompts) const {
    const load::FormOptions options{setup_.model, target_.password, !flags_.no_stream, !flags_.stop_at_eos, extra_};
    load::Load load;
    load.path = form_.path;
    load.stream = options.stream;
    load.times.resize(prompts.size());
    for (const Prompt& prompt : prompts) load.bodies.push_back(body_of(form_, prompt, options));
    return load;
  }

  const ServeBenchFlags& flags_;
  const load::RequestForm& form_;
  const std::vector<double> rates_;
  const load::Limits limits_;
  const boost::json::object extra_;
  const load::Target target_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  load::Setup setup_;
  std::ofstream lines_;
};

}  // namespace

void add_bench_serve(Command& bench) {
  constexpr int most_tokens = 1 << 20;
  auto flags = std::make_shared<ServeBenchFlags>();
  Command command = bench.command("serve", "Ask a running server as many clients would, and report how long they waited");
  std::string forms;
  for (const load::RequestForm& form : load::request_forms()) forms += fmt::format("{}{}", forms.empty() ? "" : ", ", form.name);
  command.option("--backend", flags->backend, "How requests are worded: " + forms).show_default();
  command.option("--base-url", flags->base_url, "Where the server is, as http://127.0.0.1:8000; instead of --host and --port");
  command.option("--host", flags->host, "Address of the server").show_default();
  command.option("--port", flags->port, "Its port; by default the backend's usual one, 8000 or 9000").between(1, 65535);
  command.option("--password", flags->password, "Key to send as a Bearer token (FULMAR_PASSWORD hides it from ps)");
  command.option("--model", flags->model, "Name of the model to ask for; by default the first that GET /v1/models lists");
  command.option("--tokenizer", flags->tokenizer,
                 "Vocabulary that counts tokens, as --vocab of the other commands; by default the World vocabulary");
  command.option("--dataset-name", flags->dataset_name, "random, or sharegpt; by default sharegpt where a file is given")
      .one_of({"random", "sharegpt"});
  command.option("--dataset-path", flags->dataset_path, "File of conversations in ShareGPT's form");
  command.option("--num-prompts", flags->num_prompts, "Requests of a run").show_default().between(1, 1'000'000);
  command.option("--sharegpt-output-len", flags->sharegpt_output, "Tokens to ask for, instead of the file's lengths")
      .between(1, most_tokens);
  command.option("--random-input-len", flags->lengths.input, "Tokens of a random prompt at most").show_default().between(1, most_tokens);
  command.option("--random-output-len", flags->lengths.output, "Tokens to ask for at most").show_default().between(1, most_tokens);
  command.option("--random-range-ratio", flags->lengths.range_ratio, "Share of these that both have at least")
      .show_default()
      .between(0.0, 1.0);
  command.option("--request-rate", flags->rate, "Requests a second; inf: all at once").show_default();
  command.option("--arrivals", flags->arrivals, "poisson: as from many people; fixed: with equal gaps")
      .show_default()
      .one_of({"poisson", "fixed"});
  command.flag("--multi", flags->multi, "A run for each rate of --request-rate-range");
  command.option("--request-rate-range", flags->rates, "FIRST,END,STEP, or a list of another length: 2,34,2")
      .split_at(',')
      .one_word_each()
      .needs(command.find("--multi"));
  command.option("--max-concurrency", flags->max_concurrency, "Requests under way at most; by default any number")
      .between(1, 1'000'000);
  command.option("--goodput", flags->goodput, "Limits in milliseconds that a good request keeps: ttft:200,tpot:50,itl:500,e2e:9000")
      .split_at(',')
      .one_word_each();
  command.option("--timeout", flags->timeout, "Seconds that one request may take").show_default().positive();
  command.option("--seed", flags->seed, "Of lengths, prompts and arrivals").show_default().natural();
  command.option("--output-file", flags->output_file,
                 "Where a line of JSON is added for each run; none: nowhere; by default BACKEND_MMDD_PROMPTS_INPUT_OUTPUT.jsonl");
  command.option("--extra-request-body", flags->extra_body, "JSON object whose members every request gets");
  command.flag("--disable-tqdm", flags->no_bar, "Show no progress");
  command.flag("--disable-stream", flags->no_stream, "Ask for answers in one piece");
  command.flag("--disable-ignore-eos", flags->stop_at_eos, "Let answers end by themselves, before the length asked for");
  command.runs([flags] {
    ignore_broken_pipes();
    return ServeBench(*flags).run();
  });
}

}  // namespace fulmar::tools
