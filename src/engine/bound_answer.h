// Holds one request's answer to the form that was asked for: which tokens may be drawn, and what needs no drawing.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fulmar/request.h"
#include "text/constraint.h"
#include "text/tokenizer.h"

namespace fulmar {

// The thought is free, up to its end mark, but for tokens that would end the text with it. What follows is bound: first the
// sign that the mark owes, or the space behind the speaker's name, then a text of the grammar.
class BoundAnswer {
 public:
  // `stops`: tokens that end the text, where it may end. They outlive this.
  BoundAnswer(std::shared_ptr<const Constraint> constraint, std::shared_ptr<const Tokenizer> tokenizer, const Turn& turn,
              bool thinking, std::span<const Token> stops, uint32_t vocab);

  // The tokens that may come next, worked out now where prepare() has not done it before. Throws Error(bad_request) where
  // the vocabulary has none.
  std::span<const uint64_t> allowed();
  // While the model computes the logits. What is wrong is said by allowed().
  void prepare() noexcept;
  // Whether biases of -infinity forbid all of those.
  bool leaves_none(std::span<const std::pair<Token, float>> biases) const;
  // Whether a stop token that is drawn now ends the text; else it is text like any other.
  bool may_stop() const { return run_ && run_->may_end(); }
  // A token of the answer or the thought, which was allowed; or one that the engine feeds to close a thought.
  void read(Token token);
  // The answer is whole, and nothing may follow.
  bool is_over() const { return run_ && run_->is_over(); }
  // Tokens that come next whatever the model says, at most so many: they need not be drawn. The last ones are left to be
  // drawn where a longer token could take their place.
  std::vector<Token> forced(uint32_t most);

 private:
  void begin(FormOpening opening) { run_.emplace(constraint_, opening); }
  void read_thought(std::string_view bytes);

  const std::shared_ptr<const Constraint> constraint_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::span<const Token> stops_;
  std::optional<ConstraintRun> run_;  // none: in the thought
  std::string tail_;                  // of the thought
  TokenSet allowed_;
  bool known_ = false;                // allowed_ is of now
};

}  // namespace fulmar
