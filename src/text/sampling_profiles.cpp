// The profiles that have a name, and those that models bring.
#include "text/sampling_profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "text/json_fields.h"

namespace fulmar {
namespace {

struct ProfileRow {
  const char* name;
  float temperature, top_p;
  int32_t top_k;
  float presence, frequency, decay;
  PenaltyRule rule;
};

using enum PenaltyRule;

constexpr ProfileRow rows[] = {
    {"neutral", 1, 1, 0, 0, 0, 1, openai},
    // RWKV-7 by its makers: with open thinking, with an empty thought, with tools.
    {"open", 0.96f, 0.76f, 32, 1, 0.1f, 0.988f, rapid},
    {"fake", 1, 0.28f, 32, 0, 0, 0.996f, rapid},
    {"tools", 0.96f, 0.76f, 32, 0, 0, 0.996f, rapid},
    // rwkv_lightning as it was published (its top_k makes it greedy) and as of 2026.
    {"lightning", 1, 0.3f, 1, 0.5f, 0.5f, 0.996f, rapid},
    {"lightning-2026", 1, 0.6f, 50, 2, 0.2f, 0.996f, rapid},
    {"infer", 1, 0.3f, 0, 0.2f, 0.3f, 0.996f, runner},  // RWKV-Infer
    {"runner", 1, 0.3f, 0, 0, 1, 0.996f, runner},       // RWKV-Runner
    {"pipeline", 1, 0.85f, 0, 0.2f, 0.2f, 0.996f, pipeline},  // the rwkv package's PIPELINE_ARGS
    {"ai00", 1, 0.5f, 128, 0.3f, 0.3f, 0.99654026f, ai00},
    {"pip", 1, 0.3f, 0, 0.5f, 0.5f, 0.996f, runner},          // new_rwkv_pip
};

}  // namespace

const std::vector<SamplingProfile>& known_profiles() {
  static const std::vector<SamplingProfile> profiles = [] {
    std::vector<SamplingProfile> made;
    for (const ProfileRow& row : rows) {
      Sampling& sampling = made.emplace_back(SamplingProfile{row.name, {}}).sampling;
      sampling.temperature = row.temperature;
      sampling.top_p = row.top_p;
      sampling.top_k = row.top_k;
      sampling.presence_penalty = row.presence;
      sampling.frequency_penalty = row.frequency;
      sampling.penalty_decay = row.decay;
      sampling.rule = row.rule;
    }
    return made;
  }();
  return profiles;
}

GenerationConfig read_generation_config(std::string_view json, const std::string& name) {
  const JsonFields fields(json, name);
  GenerationConfig config;
  Sampling sampling;
  bool any = false;
  // The number there, if `good` says so of it.
  const auto read = [&](const char* field, const std::string& range,
                        const auto& good) -> std::optional<double> {
    const auto value = fields.number(field);
    if (value && good(*value)) {
      any = true;
      return value;
    }
    if (value)
      config.passed_over.push_back(fmt::format("{}: {} is {}, it must be {}", name, field, *value, range));
    else if (fields.has(field))
      config.passed_over.push_back(fmt::format("{}: {} is no number", name, field));
    return std::nullopt;
  };
  const auto set = [&](float& target, const char* field, SamplingRange range) {
    const auto value =
        read(field, fmt::format("from {} to {}", range.least, range.most), [range](double number) {
          return number >= static_cast<double>(range.least) &&
                 number <= static_cast<double>(range.most);  // not of NaN
        });
    if (value) target = static_cast<float>(*value);
    return value.has_value();
  };
  set(sampling.temperature, "temperature", sampling_range::temperature);
  set(sampling.top_p, "top_p", sampling_range::top_p);
  set(sampling.min_p, "min_p", sampling_range::min_p);
  set(sampling.presence_penalty, "presence_penalty", sampling_range::presence_penalty);
  set(sampling.frequency_penalty, "frequency_penalty", sampling_range::frequency_penalty);
  set(sampling.repetition_penalty, "repetition_penalty", sampling_range::repetition_penalty);
  if (sampling.repetition_penalty == 0) sampling.repetition_penalty = 1;
  if (set(sampling.penalty_decay, "penalty_decay", sampling_range::penalty_decay))
    sampling.rule = PenaltyRule::rapid;
  const auto is_count = [](double number) { return number >= -1 && number == std::floor(number); };
  if (const auto top_k = read("top_k", "a whole number, or -1 for all", is_count)) {
    constexpr double most = std::numeric_limits<int32_t>::max();
    sampling.top_k = static_cast<int32_t>(std::clamp(*top_k, 0.0, most));
  }
  const auto samples = fields.flag("do_sample");
  if (!samples && fields.has("do_sample"))
    config.passed_over.push_back(fmt::format("{}: do_sample is neither true nor false", name));
  if (samples && !*samples) {
    sampling.temperature = 0;
    any = true;
  }
  if (any) config.sampling = std::move(sampling);
  return config;
}

}  // namespace fulmar
