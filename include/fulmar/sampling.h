// How tokens are drawn, and what that is where a request leaves it open.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulmar {

using Token = int32_t;  // its number in the model's vocabulary

// Whose way of drawing: what a token that was drawn pays, and in which order temperature and cuts come.
// text/penalties.h and text/sampler.h have the formulas.
enum class PenaltyRule : uint8_t {
  openai,    // presence + frequency * count; temperature, top_k, top_p, min_p
  pipeline,  // of the rwkv package: the same, but digits and blanks do not count; top_p, top_k, temperature, min_p
  runner,    // of RWKV-Runner and RWKV-Infer: as pipeline, and everything counts
  llama,     // of llama.cpp: as openai; top_k, top_p, min_p, temperature
  rapid,     // of Rapid-Sampling: presence at first, frequency each time after; temperature, top_k with top_p, min_p
  ai00,      // of ai00: penalties as rapid; top_p, top_k, temperature, min_p
  batch      // of rwkv_lightning's /v2: penalties as pipeline; temperature, top_k, top_p, min_p
};

// How the next token is drawn: repetition penalty, bias and penalties change the logits, then temperature and cuts in
// the rule's order, then the draw.
struct Sampling {
  float temperature = 1.0f;  // 0: greedy
  int32_t top_k = 0;         // 0: all
  float top_p = 1.0f;        // 1: all; 0: the most likely token
  float min_p = 0.0f;        // tokens below min_p times the best probability are dropped
  PenaltyRule rule = PenaltyRule::openai;
  float presence_penalty = 0.0f, frequency_penalty = 0.0f;  // of drawn tokens
  float penalty_decay = 1.0f;                               // what they pay fades by this with every token
  // Logits of tokens in the prompt and the text so far are divided by it where positive, else multiplied.
  float repetition_penalty = 1.0f;
  int32_t repetition_window = -1;  // the last tokens that it looks at; -1: all
  std::vector<std::pair<Token, float>> logit_bias;
  std::optional<uint64_t> seed;  // same seed, same text; whatever else is in the batch: see ModelSpec::reproducible
};

// What the numbers may be, in requests and in the files of models.
struct SamplingRange {
  int64_t least, most;
};
namespace sampling_range {
constexpr SamplingRange temperature{0, 2}, top_p{0, 1}, min_p{0, 1}, presence_penalty{-2, 2},
    frequency_penalty{-2, 2}, penalty_decay{0, 1}, repetition_penalty{0, 10};  // of the last, 0 stands for 1
}

constexpr std::pair<std::string_view, PenaltyRule> penalty_rules[] = {{"openai", PenaltyRule::openai},
                                                                      {"pipeline", PenaltyRule::pipeline},
                                                                      {"runner", PenaltyRule::runner},
                                                                      {"llama", PenaltyRule::llama},
                                                                      {"rapid", PenaltyRule::rapid},
                                                                      {"ai00", PenaltyRule::ai00},
                                                                      {"batch", PenaltyRule::batch}};

// What a model's makers measured it with, or what another server draws with by default.
struct SamplingProfile {
  std::string name;
  Sampling sampling;
};

// Those that Fulmar knows by name: `neutral`, the three of RWKV-7's makers, and the defaults of other servers.
const std::vector<SamplingProfile>& known_profiles();

}  // namespace fulmar
