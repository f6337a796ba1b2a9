// The profiles that have a name; see fulmar/sampling.h.
#include "fulmar/sampling.h"

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

}  // namespace fulmar
