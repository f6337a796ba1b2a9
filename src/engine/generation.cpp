// From logits to tokens to text, for one request.
#include "engine/generation.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {

Generation::Generation(Job job, std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab)
    : job_(std::move(job)),
      sampler_(job_.request->sampling, vocab, job_.choice),
      detokenizer_(std::move(tokenizer)),
      stops_(job_.request->stop),
      turn_(job_.request->prompt->opening) {
  unsent_.reserve(16);  // few characters take more tokens than that
}

Demand Generation::demand(uint32_t slot) const {
  const auto left = static_cast<uint32_t>(prompt().size()) - fed_;
  return left > 0 ? Demand{slot, left, false} : Demand{slot, 1, true};
}

bool Generation::feed(uint32_t rows, std::vector<Token>& tokens) {
  const auto left = static_cast<uint32_t>(prompt().size()) - fed_;
  if (left == 0) {
    require(rows == 1, "{} decode rows of one request in a step", rows);
    tokens.push_back(last_);
    return false;
  }
  require(rows <= left, "{} rows of a prompt that has {} left", rows, left);
  const auto first = prompt().begin() + fed_;
  tokens.insert(tokens.end(), first, first + rows);
  fed_ += rows;
  return true;
}

bool Generation::draw(std::span<float> logits, uint64_t step) {
  if (job_.request->max_tokens == 0) {
    emit(Finish::length, step, nullptr);
    return true;
  }
  last_ = sampler_.sample(logits);
  ++drawn_;
  unsent_.push_back(last_);
  Finish finish = Finish::none;
  if (is_stop_token(last_)) {
    finish = Finish::stop;
  } else {
    text_ += turn_.push(stops_.push(detokenizer_.push(last_)));
    if (stops_.stopped())
      finish = Finish::stop;
    else if (drawn_ >= job_.request->max_tokens)
      finish = Finish::length;
  }
  if (finish != Finish::none) flush(finish);
  if (finish != Finish::none || !text_.empty()) emit(finish, step, nullptr);
  return finish != Finish::none;
}

void Generation::end(Finish finish, uint64_t step, const Error* error) noexcept {
  try {
    flush(finish);
  } catch (...) {  // no memory for the rest of the text: the client still learns that it ended
  }
  emit(finish, step, error);
}

bool Generation::is_stop_token(Token token) const {
  const std::vector<Token>& stops = job_.request->stop_tokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

// Moves held-back text to text_. The last bytes may still complete a stop string.
void Generation::flush(Finish& finish) {
  if (stops_.stopped()) return;
  text_ += turn_.push(stops_.push(detokenizer_.finish()));
  if (!stops_.stopped()) text_ += turn_.push(stops_.finish());
  if (stops_.stopped() && finish == Finish::length) finish = Finish::stop;
}

void Generation::emit(Finish finish, uint64_t step, const Error* error) {
  Event event;
  event.text = text_;
  event.tokens = unsent_;
  event.finish = finish;
  event.prompt_tokens = fed_;
  event.completion_tokens = drawn_;
  event.step = step;
  event.error = error;
  send(*job_.sink, event);
  text_.clear();
  unsent_.clear();
}

}  // namespace fulmar
