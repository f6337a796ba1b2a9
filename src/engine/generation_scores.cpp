// Scores of one request's tokens: of its prompt's from the rows that read it, of the answer's from those that they were drawn from.
#include <algorithm>
#include <exception>

#include "base/fail.h"
#include "engine/generation.h"

namespace fulmar {

// A choice that goes on from what another has read leaves the scores of that to it.
bool Generation::reads_for_scores() const {
  return prompt_scores_ && !heads_ && beginning_.read == 0 && prompt().tokens.size() > 1;
}

void Generation::expect_scores(uint32_t rows) {
  first_scored_ = prompt_scores_->size();
  first_position_ = fed_ - rows;
  size_t count = 0;
  for (uint32_t row = 0; row < rows; ++row) count += scores(row);
  prompt_scores_->grow(count);
}

// In the input, of the token that this row predicts.
size_t Generation::scored_position(uint32_t row) const { return first_position_ + row + 1; }

// Nothing that is told predicts the prompt's first token.
bool Generation::scores(uint32_t row) const {
  const size_t position = scored_position(row);
  return position > lead_ && position < input_.size();
}

void Generation::score(uint32_t row, std::span<const float> logits, ScoreMemory& memory) noexcept {
  const size_t position = scored_position(row), first = std::max<size_t>(first_position_ + 1, lead_ + 1);
  try {
    prompt_scores_->score(first_scored_ + position - first, logits, input_[position], memory);
  } catch (...) {  // no memory: its number is none, which check_scores() finds
  }
}

// What is no number ends the request, as a row does that no token can be drawn from.
void Generation::check_scores() noexcept {
  if (failure_ || !prompt_scores_->any_nan()) return;
  finish_ = Finish::failed;
  try {
    fail(ErrorKind::internal, "a token has no probability: every logit is NaN or -infinity");
  } catch (...) {
    failure_ = std::current_exception();
  }
  blame_state();
}

// The tokens before it whose text was not complete, or of which it was not clear what they are, are what this one is.
void Generation::score_said(Token token, std::string_view piece) {
  said_scores_->add(token, said_bytes_);
  const bool all = prompt().turn.together;
  if (!all && (piece.empty() || heard_.undecided())) return;
  said_scores_->decide(all || heard_.answering());
}

bool Generation::has_scores() const {
  return (prompt_scores_ && prompt_scores_->size() > 0) || (said_scores_ && said_scores_->has_shown());
}

}  // namespace fulmar
