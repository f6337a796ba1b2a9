// The report's layout: names to column 40, values behind them, titles across 50; see report.h.
#include "report.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <ctime>

#include "base/utf8.h"

namespace fulmar::load {
namespace {

namespace json = boost::json;

std::string title(std::string_view words, char line = '-') {
  return line == '=' ? fmt::format("{:=^50}\n", words) : fmt::format("{:-^50}\n", words);
}

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("{:<40} {:<10}\n", name, value);
}
std::string row(std::string_view name, uint64_t value) {
  return fmt::format("{:<40} {:<10}\n", name, value);
}
std::string row(std::string_view name, double value) {
  return fmt::format("{:<40} {:<10.2f}\n", name, value);
}

std::string times(std::string_view heading, std::string_view name, const Spread& spread, bool tail = true) {
  std::string out = title(heading) + row(fmt::format("Mean {} (ms):", name), spread.mean) +
                    row(fmt::format("Median {} (ms):", name), spread.p50);
  return tail ? out + row(fmt::format("P99 {} (ms):", name), spread.p99) : out;
}

std::string percentiles(std::string_view name, const Spread& spread) {
  return row(fmt::format("P50 / P90 / P99 {} (ms):", name), fmt::format("{:.2f} / {:.2f} / {:.2f}", spread.p50, spread.p90, spread.p99));
}

// How the generated tokens were counted, where it was not by the server throughout.
std::string how_counted(const Figures& figures) {
  if (figures.by_pieces == 0 && figures.by_tokenizer == 0) return "usage";
  std::string ways = figures.by_usage > 0 ? "usage, " : "";
  if (figures.by_pieces > 0) ways += figures.by_tokenizer > 0 ? "pieces, " : "pieces";
  return figures.by_tokenizer > 0 ? ways + "tokenizer" : ways;
}

void put(json::object& out, const std::string& name, const Spread& spread) {
  out["mean_" + name] = spread.mean;
  out["median_" + name] = spread.p50;
  out["std_" + name] = spread.deviation;
  out["p90_" + name] = spread.p90;
  out["p99_" + name] = spread.p99;
}

json::value number_or_word(double rate) {
  return std::isfinite(rate) ? json::value(rate) : json::value("inf");
}

}  // namespace

std::string report_text(const Setup& setup, const Figures& f) {
  std::string out = '\n' + title(" Serving Benchmark Result ", '=');
  out += row("Backend:", setup.backend);
  out += row("Traffic request rate:", rate_word(setup.rate));
  out += row("Successful requests:", uint64_t{f.completed});
  out += row("Benchmark duration (s):", f.seconds);
  out += row("Total input tokens:", f.input_tokens);
  out += row("Total generated tokens:", f.output_tokens);
  out += row("Total generated tokens (retokenized):", f.retokenized);
  out += row("Request throughput (req/s):", f.a_second(static_cast<double>(f.completed)));
  out += row("Input token throughput (tok/s):", f.a_second(static_cast<double>(f.input_tokens)));
  out += row("Output token throughput (tok/s):", f.a_second(static_cast<double>(f.output_tokens)));
  out += times("End-to-End Latency", "E2E Latency", f.e2e, false);
  out += times("Time to First Token", "TTFT", f.ttft);
  out += times("Time per Output Token (excl. 1st token)", "TPOT", f.tpot);
  out += times("Inter-token Latency", "ITL", f.itl);
  out += title("Percentiles");
  out += percentiles("E2E", f.e2e) + percentiles("TTFT", f.ttft) + percentiles("ITL", f.itl);
  out += row("Generated tokens counted by:", how_counted(f));
  if (f.good) {
    out += title("Goodput");
    out += row("Requests within all limits:", uint64_t{*f.good});
    out += row("Goodput (req/s):", f.a_second(static_cast<double>(*f.good)));
  }
  if (f.completed < f.sent) {
    out += title("Errors");
    for (size_t kind = 1; kind < faults; ++kind) {
      if (f.errors[kind] == 0) continue;
      out += row(fmt::format("{}:", fault_names[kind]), uint64_t{f.errors[kind]});
      if (!f.examples[kind].empty()) out += fmt::format("  {}\n", shown(f.examples[kind]));
    }
  }
  return out + title("", '=');
}

std::string report_json(const Setup& setup, const Figures& f) {
  json::object out;
  out["backend"] = setup.backend;
  out["dataset_name"] = setup.dataset;
  out["request_rate"] = number_or_word(setup.rate);
  out["total_input_tokens"] = f.input_tokens;
  out["total_output_tokens"] = f.output_tokens;
  out["total_output_tokens_retokenized"] = f.retokenized;
  put(out, "e2e_latency_ms", f.e2e);
  put(out, "ttft_ms", f.ttft);
  put(out, "tpot_ms", f.tpot);
  put(out, "itl_ms", f.itl);
  out["request_throughput"] = f.a_second(static_cast<double>(f.completed));
  out["input_throughput"] = f.a_second(static_cast<double>(f.input_tokens));
  out["output_throughput"] = f.a_second(static_cast<double>(f.output_tokens));
  out["sharegpt_output_len"] = setup.sharegpt_output ? json::value(*setup.sharegpt_output) : nullptr;
  out["random_input_len"] = setup.lengths.input;
  out["random_output_len"] = setup.lengths.output;
  out["random_range_ratio"] = setup.lengths.range_ratio;
  out["duration"] = f.seconds;
  out["completed"] = f.completed;
  out["num_prompts"] = f.sent;
  out["model"] = setup.model;
  out["arrivals"] = setup.spacing == Spacing::fixed ? "fixed" : "poisson";
  out["seed"] = setup.seed;
  out["max_concurrency"] = setup.max_concurrency > 0 ? json::value(setup.max_concurrency) : nullptr;
  out["total_asked_tokens"] = f.asked_tokens;
  out["output_tokens_by"] = how_counted(f);
  out["goodput"] = f.good ? json::value(f.a_second(static_cast<double>(*f.good))) : nullptr;
  json::object errors;
  for (size_t kind = 1; kind < faults; ++kind)
    if (f.errors[kind] > 0) errors[json::string_view(fault_names[kind].data(), fault_names[kind].size())] = f.errors[kind];
  out["errors"] = std::move(errors);
  return json::serialize(out);
}

std::string report_name(const Setup& setup) {
  const std::time_t now = std::time(nullptr);
  char today[8] = "";
  std::strftime(today, sizeof today, "%m%d", std::localtime(&now));
  const std::string start = fmt::format("{}_{}_{}_", setup.backend, today, setup.prompts);
  if (setup.dataset == "sharegpt") return start + "sharegpt.jsonl";
  return fmt::format("{}{}_{}.jsonl", start, setup.lengths.input, setup.lengths.output);
}

}  // namespace fulmar::load
