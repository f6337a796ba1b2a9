// The profiles that have a name, and those that models bring.
#include "text/sampling_profiles.h"

#include <cmath>
#include <limits>

#include "base/fail.h"
#include "text/json_fields.h"
#include "text/sampler.h"

namespace fulmar {
namespace {

struct Row {
  const char* name;
  float temperature, top_p;
  int32_t top_k;
  float presence, frequency, decay;
  PenaltyRule rule;
};

using enum PenaltyRule;

constexpr Row rows[] = {
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
};

}  // namespace

const std::vector<SamplingProfile>& known_profiles() {
  static const std::vector<SamplingProfile> profiles = [] {
    std::vector<SamplingProfile> made;
    for (const Row& row : rows) {
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

std::optional<Sampling> read_generation_config(std::string_view json, const std::string& name) {
  const JsonFields fields(json, name);
  Sampling sampling;
  bool any = false;
  const auto read = [&](const char* field) {
    const auto value = fields.number(field);
    any = any || value;
    return value;
  };
  const auto set = [&](float& target, const char* field) {
    if (const auto value = read(field)) target = static_cast<float>(*value);
  };
  set(sampling.temperature, "temperature");
  set(sampling.top_p, "top_p");
  set(sampling.min_p, "min_p");
  set(sampling.presence_penalty, "presence_penalty");
  set(sampling.frequency_penalty, "frequency_penalty");
  set(sampling.repetition_penalty, "repetition_penalty");
  if (const auto decay = read("penalty_decay")) {
    sampling.penalty_decay = static_cast<float>(*decay);
    sampling.rule = PenaltyRule::rapid;
  }
  if (const auto top_k = read("top_k"); top_k && *top_k != -1) {
    if (*top_k != std::floor(*top_k) || *top_k < 0 || *top_k > std::numeric_limits<int32_t>::max())
      fail(ErrorKind::bad_file, "{}: top_k is {}, it must be a whole number from 0 up", name, *top_k);
    sampling.top_k = static_cast<int32_t>(*top_k);
  }
  const auto samples = fields.flag("do_sample");
  if (samples && !*samples) sampling.temperature = 0;
  if (!any && samples.value_or(true)) return std::nullopt;
  try {
    check_sampling(sampling, 0);
  } catch (const Error& error) {
    fail(ErrorKind::bad_file, "{}: {}", name, error.what());
  }
  return sampling;
}

}  // namespace fulmar
