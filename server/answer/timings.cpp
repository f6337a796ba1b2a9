// From nanoseconds to tokens a second; see timings.h.
#include "answer/timings.h"

namespace fulmar::api {
namespace {

double milliseconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e6;
}

// 0 where nothing was done, which JSON has no other number for.
double quotient(double a, double b) {
  return b > 0 ? a / b : 0;
}

}  // namespace

constexpr Shape timings_shape{"llama.cpp's timings", R"({
  "cache_n": "integer", "prompt_n": "integer", "prompt_ms": "number", "prompt_per_token_ms": "number", "prompt_per_second": "number",
  "predicted_n": "integer", "predicted_ms": "number", "predicted_per_token_ms": "number", "predicted_per_second": "number"})"};

boost::json::object timings_of(const Usage& usage) {
  const uint64_t read = usage.prompt - usage.cached;
  const auto n_read = static_cast<double>(read), n_made = static_cast<double>(usage.completion);
  const double reading = milliseconds(usage.times.prompt), making = milliseconds(usage.times.drawing);
  return {{"cache_n", usage.cached},
          {"prompt_n", read},
          {"prompt_ms", reading},
          {"prompt_per_token_ms", quotient(reading, n_read)},
          {"prompt_per_second", quotient(n_read * 1e3, reading)},
          {"predicted_n", usage.completion},
          {"predicted_ms", making},
          {"predicted_per_token_ms", quotient(making, n_made)},
          {"predicted_per_second", quotient(n_made * 1e3, making)}};
}

boost::json::object progress_of(const Usage& usage, uint64_t total) {
  return {{"total", total}, {"cache", usage.cached}, {"processed", usage.prompt}, {"time_ms", milliseconds(usage.times.prompt)}};
}

}  // namespace fulmar::api
