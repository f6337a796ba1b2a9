// A run's figures as people read them and as a line of JSON.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "arrivals.h"
#include "measure.h"

namespace fulmar::load {

// What was run.
struct Setup {
  std::string backend, model, dataset;  // dataset: "random" or "sharegpt"
  double rate = 0;
  Spacing spacing = Spacing::poisson;
  std::optional<uint32_t> sharegpt_output;
  RandomLengths lengths;
  uint64_t seed = 0;
  size_t prompts = 0;
  uint32_t max_concurrency = 0;
};

// The lines of sglang's bench_serving and of conRWKV's, under their titles; then percentiles, goodput and errors.
std::string report_text(const Setup& setup, const Figures& figures);
// Their keys, and more; without a line's end.
std::string report_json(const Setup& setup, const Figures& figures);
// BACKEND_MMDD_PROMPTS_sharegpt.jsonl or BACKEND_MMDD_PROMPTS_INPUT_OUTPUT.jsonl, of today.
std::string report_name(const Setup& setup);

}  // namespace fulmar::load
