// The stages of sampling in their order and the random numbers.
#include "text/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float coldest = 1e-6f;  // temperatures below are greedy: 1 / temperature must stay finite

// Random numbers are a hash of (seed, salt, position): they need no state of other requests, and any position
// can be computed alone. The mixing steps are those of SplitMix64 (Steele, Lea, Flood 2014).
constexpr uint64_t golden = 0x9e3779b97f4a7c15u;
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint32_t order_of(PenaltyRule rule) {
  switch (rule) {
    case PenaltyRule::pipeline:
    case PenaltyRule::runner:
    case PenaltyRule::ai00:
      return shared::DRAW_CUTS_FIRST;
    case PenaltyRule::llama:
      return shared::DRAW_COLD_CUTS;
    case PenaltyRule::rapid:
      return shared::DRAW_JOINT;
    case PenaltyRule::openai:
    case PenaltyRule::batch:
      break;
  }
  return shared::DRAW_TEMPERATURE_FIRST;
}

shared::Draw draw_of(const Sampling& sampling) {
  const bool greedy = sampling.temperature < coldest || sampling.top_k == 1 || sampling.top_p == 0;
  return {greedy ? 0.0f : sampling.temperature,         sampling.top_p, sampling.min_p,
          static_cast<uint32_t>(std::max(sampling.top_k, 0)), order_of(sampling.rule), 0, 0};
}

// Whole words of the set at once: most are full or empty.
void forbid_others(std::span<float> logits, std::span<const uint64_t> allowed) {
  require(allowed.size() * 64 >= logits.size(), "{} bits for {} logits", allowed.size() * 64, logits.size());
  for (size_t first = 0; first < logits.size(); first += 64) {
    const uint64_t word = allowed[first / 64];
    const size_t count = std::min<size_t>(64, logits.size() - first);
    if (word == ~uint64_t{0}) continue;
    for (size_t i = 0; i < count; ++i)
      if ((word >> i & 1) == 0) logits[first + i] = -infinity;
  }
}

}  // namespace

void check_sampling(const Sampling& sampling, uint32_t vocab) {
  const auto check = [](bool holds, const char* field, auto value, const char* range) {
    if (holds) return;
    throw Error(ErrorKind::bad_request, fmt::format("{} is {}, it must be {}", field, value, range), field);
  };
  const auto is_share = [](float value) { return value >= 0 && value <= 1; };  // false for NaN
  check(sampling.temperature >= 0 && sampling.temperature < std::numeric_limits<float>::infinity(), "temperature", sampling.temperature,
        "a number from 0 up");
  check(sampling.top_k >= 0, "top_k", sampling.top_k, "0 (all) or more");
  check(is_share(sampling.top_p), "top_p", sampling.top_p, "from 0 to 1");
  check(is_share(sampling.min_p), "min_p", sampling.min_p, "from 0 to 1");
  check(std::isfinite(sampling.presence_penalty), "presence_penalty", sampling.presence_penalty, "finite");
  check(std::isfinite(sampling.frequency_penalty), "frequency_penalty", sampling.frequency_penalty, "finite");
  check(is_share(sampling.penalty_decay), "penalty_decay", sampling.penalty_decay, "from 0 to 1");
  check(sampling.repetition_penalty > 0 && sampling.repetition_penalty < std::numeric_limits<float>::infinity(), "repetition_penalty",
        sampling.repetition_penalty, "above 0 and finite");
  check(sampling.repetition_window >= -1, "repetition_window", sampling.repetition_window, "-1 (all) or more");
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (token < 0 || static_cast<uint32_t>(token) >= vocab) {
      throw Error(
          ErrorKind::bad_request,
          fmt::format("logit_bias names token {}, the model has tokens 0 to {}", token, int64_t{vocab} - 1),
          "logit_bias");
    }
    check(bias < std::numeric_limits<float>::infinity(), "logit_bias", bias, "finite");
  }
}

Sampler::Sampler(const Sampling& sampling, uint32_t vocab, uint64_t salt, std::shared_ptr<const Tokenizer> tokenizer)
    : vocab_(vocab),
      draw_(draw_of(sampling)),
      penalties_(sampling, std::move(tokenizer)),
      repetition_(sampling.repetition_penalty, sampling.repetition_window, vocab) {
  check_sampling(sampling, vocab);
  uint64_t seed = 0;
  if (sampling.seed) {
    seed = *sampling.seed;
  } else {
    std::random_device device;
    seed = uint64_t{device()} << 32 | device();
  }
  key_ = mix(mix(seed + golden) + golden * (salt + 1));
}

void Sampler::accept(Token token) {
  require(token >= 0 && static_cast<uint32_t>(token) < vocab_, "token {} is outside the vocabulary of {}",
          token, vocab_);
  penalties_.count(token);
  repetition_.see({&token, 1});
}

void Sampler::replay(Token token) {
  ++counter_;
  accept(token);
}

Token Sampler::sample(std::span<float> logits, std::span<const uint64_t> allowed) {
  require(logits.size() == vocab_, "{} logits for a vocabulary of {}", logits.size(), vocab_);
  if (!allowed.empty()) forbid_others(logits, allowed);
  repetition_.apply(logits);
  for (const Edit& edit : penalties_.edits()) logits[static_cast<size_t>(edit.token)] += edit.delta;
  if (draw_.temperature > 0) {
    const uint64_t point = mix(key_ + golden * ++counter_);
    draw_.point_high = static_cast<uint32_t>(point >> 32);
    draw_.point_low = static_cast<uint32_t>(point);
  }
  const Token token = draw_row(logits, draw_, memory_);
  accept(token);
  return token;
}

}  // namespace fulmar
