// The stages between a row of logits and a token; see row_draw.h.
#include "text/row_draw.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr float infinite_logit = std::numeric_limits<float>::infinity();

// One row, whose stages take tokens from memory.kept one after the other.
class RowDraw {
 public:
  RowDraw(std::span<const float> logits, float largest, const shared::Draw& draw, DrawMemory& memory)
      : logits_(logits),
        draw_(draw),
        scale_{largest, 1.0f / draw.temperature},
        memory_(memory),
        kept_(memory.kept),
        top_k_(draw.top_k),
        by_count_(draw.top_k > 0 && draw.top_k < logits.size()),
        by_mass_(draw.top_p < 1) {}

  Token pick() {
    // Without top_p the order of temperature and top_k does not matter.
    if (draw_.order == shared::DRAW_CUTS_FIRST && by_mass_)
      cut_then_warm();
    else if (draw_.order == shared::DRAW_COLD_CUTS && (by_mass_ || draw_.min_p > 0))
      return pick_of_cold();
    else if (draw_.order == shared::DRAW_JOINT && (by_count_ || by_mass_))
      cut_jointly();
    else if (by_count_ || by_mass_ || draw_.min_p > 0)
      cut_by_rank(scale_);
    else
      return draw(logits_, scale_, memory_.sums, sum_of_all(scale_), point());
    drop_small();
    return draw(kept_.list, point());
  }

 private:
  double point() const {
    return static_cast<double>((uint64_t{draw_.point_high} << 32 | draw_.point_low) >> 11) * 0x1p-53;
  }
  double sum_of_all(const Scale& scale) { return sum_weights(logits_, scale, memory_.sums); }

  void drop_small() {
    std::erase_if(kept_.list, [&](const Candidate& candidate) { return candidate.value < draw_.min_p; });
  }

  void warm() {
    if (draw_.temperature == 1) return;
    const double power = 1.0 / draw_.temperature;
    for (Candidate& candidate : kept_.list)
      candidate.value = static_cast<float>(std::pow(double{candidate.value}, power));
  }

  Token pick_of_cold() {
    cut_by_rank({scale_.largest, 1.0f});
    drop_small();
    warm();
    return draw(kept_.list, point());
  }

  void cut_by_rank(const Scale& scale) {
    if (by_count_) {
      collect(logits_, memory_.maxima, cut_by_count(logits_, memory_.maxima, top_k_, kept_.scratch), kept_.list);
      weigh(kept_, scale);
      if (!by_mass_) return;
      double total = 0;
      for (const Candidate& candidate : kept_.list) total += candidate.value;
      keep_mass(kept_, double{draw_.top_p} * total, Equals::lowest);
    } else if (by_mass_) {
      const double total = sum_of_all(scale);
      keep_mass(logits_, memory_.maxima, scale, total, double{draw_.top_p} * total, Equals::lowest, kept_);
    } else {
      keep_weights(logits_, memory_.maxima, scale, draw_.min_p, kept_);
    }
  }

  // The cuts look at the weights of temperature 1, and equals of the last that top_p keeps are kept.
  void cut_then_warm() {
    const Scale cold{scale_.largest, 1.0f};
    const double total = sum_of_all(cold);
    keep_mass(logits_, memory_.maxima, cold, total, double{draw_.top_p} * total, Equals::all, kept_);
    if (by_count_ && kept_.list.size() > top_k_) {
      kept_.scratch = kept_.list;
      const Candidate last = cut_by_count(kept_.scratch, top_k_);
      std::erase_if(kept_.list, [&](const Candidate& candidate) { return !is_kept(candidate, last); });
    }
    warm();
  }

  void cut_jointly() {
    double mass = 0;
    if (by_mass_) {
      const double total = sum_of_all(scale_);
      mass = double{draw_.top_p} * total;
      keep_mass(logits_, memory_.maxima, scale_, total, mass, Equals::all, kept_);
    } else {
      const Candidate by_rank = cut_by_count(logits_, memory_.maxima, top_k_, kept_.scratch);
      const float least = weight_of((by_rank.value - scale_.largest) * scale_.inverse_temperature);
      keep_weights(logits_, memory_.maxima, scale_, least, kept_);
    }
    float last = 1;  // the smallest weight that is kept
    if (by_count_ && kept_.list.size() > top_k_) {
      kept_.scratch = kept_.list;
      last = cut_by_count(kept_.scratch, top_k_).value;
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
    if (by_mass_) share = std::min(share, (mass - above) / double{last} * each);
    if (by_count_) {
      const auto before = static_cast<double>(kept_.list.size() - equals);
      share = std::min(share, (static_cast<double>(top_k_) - before) * each);
    }
    share = std::max(share, 0.0);
    for (Candidate& candidate : kept_.list)
      if (candidate.value == last) candidate.value = static_cast<float>(candidate.value * share);
  }

  const std::span<const float> logits_;
  const shared::Draw& draw_;
  const Scale scale_;
  DrawMemory& memory_;
  Kept& kept_;
  const std::size_t top_k_;
  const bool by_count_, by_mass_;
};

}  // namespace

Token draw_row(std::span<float> logits, const shared::Draw& draw, DrawMemory& memory) {
  float largest = block_maxima(logits, memory.maxima);
  if (largest == infinite_logit) {
    for (float& logit : logits) logit = logit == infinite_logit ? 0.0f : -infinite_logit;
    largest = block_maxima(logits, memory.maxima);
  }
  if (largest == -infinite_logit)
    fail(ErrorKind::internal, "no token can be drawn: every logit is NaN or -infinity");
  if (draw.temperature == 0) return find_largest(logits, memory.maxima, largest);
  return RowDraw(logits, largest, draw, memory).pick();
}

}  // namespace fulmar
