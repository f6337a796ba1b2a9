// The stages of sampling in their order and the random numbers.
#include "text/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float coldest = 1e-6f;  // temperatures below are greedy: 1 / temperature must stay finite

// Random numbers are a hash of (seed, salt, position): they need no state of other requests, and any position
// can be computed alone. The mixing steps are those of SplitMix64 (Steele, Lea, Flood 2014).
constexpr uint64_t golden = 0x9e3779b97f4a7c15u;
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

void check_sampling(const Sampling& sampling, uint32_t vocab) {
  const auto check = [](bool holds, const char* field, auto value, const char* range) {
    if (holds) return;
    throw Error(ErrorKind::bad_request, fmt::format("{} is {}, it must be {}", field, value, range), field);
  };
  const auto is_share = [](float value) { return value >= 0 && value <= 1; };  // false for NaN
  check(sampling.temperature >= 0 && sampling.temperature < infinity, "temperature", sampling.temperature,
        "a number from 0 up");
  check(sampling.top_k >= 0, "top_k", sampling.top_k, "0 (all) or more");
  check(is_share(sampling.top_p), "top_p", sampling.top_p, "from 0 to 1");
  check(is_share(sampling.min_p), "min_p", sampling.min_p, "from 0 to 1");
  check(std::isfinite(sampling.presence_penalty), "presence_penalty", sampling.presence_penalty, "finite");
  check(std::isfinite(sampling.frequency_penalty), "frequency_penalty", sampling.frequency_penalty, "finite");
  check(is_share(sampling.penalty_decay), "penalty_decay", sampling.penalty_decay, "from 0 to 1");
  check(sampling.repetition_penalty > 0 && sampling.repetition_penalty < infinity, "repetition_penalty",
        sampling.repetition_penalty, "above 0 and finite");
  check(sampling.repetition_window >= -1, "repetition_window", sampling.repetition_window, "-1 (all) or more");
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (token < 0 || static_cast<uint32_t>(token) >= vocab) {
      throw Error(
          ErrorKind::bad_request,
          fmt::format("logit_bias names token {}, the model has tokens 0 to {}", token, int64_t{vocab} - 1),
          "logit_bias");
    }
    check(bias < infinity, "logit_bias", bias, "finite");
  }
}

Sampler::Sampler(const Sampling& sampling, uint32_t vocab, uint64_t salt, std::shared_ptr<const Tokenizer> tokenizer)
    : sampling_(sampling),
      vocab_(vocab),
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

double Sampler::next_point() {
  return static_cast<double>(mix(key_ + golden * ++counter_) >> 11) * 0x1p-53;
}

void Sampler::accept(Token token) {
  require(token >= 0 && static_cast<uint32_t>(token) < vocab_, "token {} is outside the vocabulary of {}",
          token, vocab_);
  penalties_.count(token);
  repetition_.see({&token, 1});
}

Token Sampler::sample(std::span<float> logits) {
  require(logits.size() == vocab_, "{} logits for a vocabulary of {}", logits.size(), vocab_);
  repetition_.apply(logits);
  for (const Edit& edit : penalties_.edits()) logits[static_cast<size_t>(edit.token)] += edit.delta;
  float largest = block_maxima(logits, maxima_);
  if (largest == infinity) {
    for (float& logit : logits) logit = logit == infinity ? 0.0f : -infinity;
    largest = block_maxima(logits, maxima_);
  }
  if (largest == -infinity)
    fail(ErrorKind::internal, "no token can be drawn: every logit is NaN or -infinity");
  const Token token = pick(logits, largest);
  accept(token);
  return token;
}

Token Sampler::pick(std::span<const float> logits, float largest) {
  const bool greedy = sampling_.temperature < coldest || sampling_.top_k == 1 || sampling_.top_p == 0;
  if (greedy) return find_largest(logits, maxima_, largest);
  const bool by_count = sampling_.top_k > 0 && static_cast<size_t>(sampling_.top_k) < logits.size();
  const bool by_mass = sampling_.top_p < 1;
  // Without top_p the order of temperature and top_k does not matter.
  const bool cuts_first = sampling_.rule == PenaltyRule::pipeline || sampling_.rule == PenaltyRule::runner;
  if (cuts_first && by_mass) {
    cut_then_warm(logits, largest, by_count);
  } else if (sampling_.rule == PenaltyRule::rapid && (by_count || by_mass)) {
    cut_jointly(logits, largest, by_count, by_mass);
  } else {
    return pick_by_rank(logits, largest, by_count, by_mass);
  }
  return draw_kept();
}

Token Sampler::draw_kept() {
  std::erase_if(kept_.list, [&](const Candidate& candidate) { return candidate.value < sampling_.min_p; });
  return draw(kept_.list, next_point());
}

Token Sampler::pick_by_rank(std::span<const float> logits, float largest, bool by_count, bool by_mass) {
  const Scale scale{largest, 1.0f / sampling_.temperature};
  const double top_p = sampling_.top_p;
  if (by_count) {
    const auto top_k = static_cast<size_t>(sampling_.top_k);
    collect(logits, maxima_, cut_by_count(logits, maxima_, top_k, kept_.scratch), kept_.list);
    weigh(kept_, scale);
    if (by_mass) {
      double total = 0;
      for (const Candidate& candidate : kept_.list) total += candidate.value;
      keep_mass(kept_, top_p * total, Equals::lowest);
    }
  } else if (by_mass) {
    const double total = sum_weights(logits, scale, sums_);
    keep_mass(logits, maxima_, scale, total, top_p * total, Equals::lowest, kept_);
  } else if (sampling_.min_p > 0) {
    keep_weights(logits, maxima_, scale, sampling_.min_p, kept_);
  } else {
    const double total = sum_weights(logits, scale, sums_);
    return draw(logits, scale, sums_, total, next_point());
  }
  return draw_kept();
}

// The cuts look at the weights of temperature 1, and equals of the last that top_p keeps are kept.
void Sampler::cut_then_warm(std::span<const float> logits, float largest, bool by_count) {
  const Scale scale{largest, 1.0f};
  const double total = sum_weights(logits, scale, sums_);
  keep_mass(logits, maxima_, scale, total, double{sampling_.top_p} * total, Equals::all, kept_);
  if (by_count && kept_.list.size() > static_cast<size_t>(sampling_.top_k)) {
    kept_.scratch = kept_.list;
    const Candidate last = cut_by_count(kept_.scratch, static_cast<size_t>(sampling_.top_k));
    std::erase_if(kept_.list, [&](const Candidate& candidate) { return !is_kept(candidate, last); });
  }
  if (sampling_.temperature == 1) return;
  const double power = 1.0 / sampling_.temperature;
  for (Candidate& candidate : kept_.list)
    candidate.value = static_cast<float>(std::pow(double{candidate.value}, power));
}

void Sampler::cut_jointly(std::span<const float> logits, float largest, bool by_count, bool by_mass) {
  const Scale scale{largest, 1.0f / sampling_.temperature};
  const auto top_k = static_cast<size_t>(sampling_.top_k);
  double mass = 0;
  if (by_mass) {
    const double total = sum_weights(logits, scale, sums_);
    mass = double{sampling_.top_p} * total;
    keep_mass(logits, maxima_, scale, total, mass, Equals::all, kept_);
  } else {
    const Candidate by_rank = cut_by_count(logits, maxima_, top_k, kept_.scratch);
    keep_weights(logits, maxima_, scale, weight_of((by_rank.value - largest) * scale.inverse_temperature), kept_);
  }
  float last = 1;  // the smallest weight that is kept
  if (by_count && kept_.list.size() > top_k) {
    kept_.scratch = kept_.list;
    last = cut_by_count(kept_.scratch, top_k).value;
    std::erase_if(kept_.list, [&](const Candidate& candidate) { return candidate.value < last; });
  } else {
    for (const Candidate& candidate : kept_.list) last = std::min(last, candidate.value);
  }
  double above = 0;  // mass of those before the last one and its equals
  size_t equals = 0;
  for (const Candidate& candidate : kept_.list) {
    if (candidate.value > last)
      above += candidate.value;
    else
      ++equals;
  }
  double share = 1;
  const double each = 1.0 / static_cast<double>(equals);
  if (by_mass) share = std::min(share, (mass - above) / double{last} * each);
  if (by_count) {
    const auto before = static_cast<double>(kept_.list.size() - equals);
    share = std::min(share, (sampling_.top_k - before) * each);
  }
  share = std::max(share, 0.0);
  for (Candidate& candidate : kept_.list)
    if (candidate.value == last) candidate.value = static_cast<float>(candidate.value * share);
}

}  // namespace fulmar
