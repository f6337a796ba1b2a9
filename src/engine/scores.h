// Scores of a request's tokens on their way to its sink: of its prompt's, and of the answer's until their text is shown.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "text/row_scores.h"

namespace fulmar {

// Tokens in order, each with as many likeliest ones. Memory is kept, so that nothing is allocated per token.
class ScoreTable {
 public:
  explicit ScoreTable(uint16_t top) : width_(size_t{1} + top) {}

  size_t size() const { return cells_.size() / width_; }
  // So many more, to be scored.
  void grow(size_t count);
  // Another thread may score another row at once.
  void score(size_t row, std::span<const float> logits, Token token, ScoreMemory& memory);
  bool any_nan() const;
  // Valid until something is changed.
  ScoreRows first(size_t count) const;
  void drop_first(size_t count);
  void drop_from(size_t count);

 private:
  const size_t width_;
  std::vector<TokenScore> cells_;  // [rows, width]
};

// Of an answer. Which tokens are part of it is known once it is clear what the text around them is: thoughts are not, and
// what a stop hides is not either.
class SaidScores {
 public:
  explicit SaidScores(uint16_t top) : rows_(top) {}

  // Keeps the logits that the next token is drawn from, as the model made them.
  void keep(std::span<const float> logits) { logits_.assign(logits.begin(), logits.end()); }
  // The token, whose text begins at this byte of all that the model has said.
  void add(Token token, size_t begin);
  // Those that were added since the last time are part of the answer, or not.
  void decide(bool of_answer);
  // So many bytes of what the model has said are past the stops.
  void show(size_t bytes);

  // Those that may be told.
  bool has_shown() const { return shown_ > 0; }
  ScoreRows shown() const { return rows_.first(shown_); }
  void drop_shown();

 private:
  ScoreTable rows_;
  std::vector<size_t> begins_;
  size_t decided_ = 0, shown_ = 0;
  std::vector<float> logits_;  // [V]
  ScoreMemory memory_;
};

}  // namespace fulmar
