// Rows of scores; see scores.h.
#include "engine/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulmar {

void ScoreTable::grow(size_t count) {
  cells_.resize(cells_.size() + count * width_, {-1, std::numeric_limits<float>::quiet_NaN()});
}

void ScoreTable::score(size_t row, std::span<const float> logits, Token token, ScoreMemory& memory) {
  const std::span<TokenScore> cells = std::span(cells_).subspan(row * width_, width_);
  cells[0] = {token, score_row(logits, token, cells.subspan(1), memory)};
}

bool ScoreTable::any_nan() const {
  for (size_t i = 0; i < cells_.size(); i += width_)
    if (std::isnan(cells_[i].logprob)) return true;
  return false;
}

ScoreRows ScoreTable::first(size_t count) const {
  return {std::span(cells_).first(count * width_), static_cast<uint32_t>(width_)};
}

void ScoreTable::drop_first(size_t count) {
  cells_.erase(cells_.begin(), cells_.begin() + static_cast<std::ptrdiff_t>(count * width_));
}

void ScoreTable::drop_from(size_t count) {
  cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(count * width_), cells_.end());
}

void SaidScores::add(Token token, size_t begin) {
  rows_.grow(1);
  rows_.score(rows_.size() - 1, logits_, token, memory_);
  begins_.push_back(begin);
}

void SaidScores::decide(bool of_answer) {
  if (!of_answer) {
    rows_.drop_from(decided_);
    begins_.resize(decided_);
  }
  decided_ = rows_.size();
}

void SaidScores::show(size_t bytes) {
  while (shown_ < decided_ && begins_[shown_] < bytes) ++shown_;
}

void SaidScores::drop_shown() {
  rows_.drop_first(shown_);
  begins_.erase(begins_.begin(), begins_.begin() + static_cast<std::ptrdiff_t>(shown_));
  decided_ -= shown_;
  shown_ = 0;
}

}  // namespace fulmar
