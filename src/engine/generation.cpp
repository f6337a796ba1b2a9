// From logits to tokens to text, for one request.
#include "engine/generation.h"

#include <algorithm>

#include "base/fail.h"
#include "engine/text_vector.h"

namespace fulmar {

Generation::Generation(Job job, std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab)
    : job_(std::move(job)),
      sampler_(job_.request->sampling, vocab, job_.choice, tokenizer),
      detokenizer_(std::move(tokenizer)),
      stops_(job_.request->stop),
      turn_(job_.request->prompt->opening) {
  sampler_.read_prompt(prompt());
  unsent_.reserve(16);  // few characters take more tokens than that
}

Demand Generation::demand(uint32_t slot) const {
  const auto left = static_cast<uint32_t>(prompt().size()) - fed_;
  const Want want = job_.request->max_tokens == 0 ? Want::none : Want::last;
  return left > 0 ? Demand{slot, left, false, want} : Demand{slot, 1, true, want};
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

void Generation::rest(uint64_t step) {
  if (job_.request->max_tokens > 0 || fed_ < prompt().size()) return;
  step_ = step;
  finish_ = Finish::length;
}

void Generation::embed(std::span<const float> vector) {
  vector_ = unit_vector(vector);
}

void Generation::draw(std::span<float> logits, uint64_t step) noexcept {
  step_ = step;
  try {
    accept(sampler_.sample(logits));
  } catch (...) {  // this one's logits are no number: the others go on
    failure_ = std::current_exception();
    finish_ = Finish::failed;
  }
}

void Generation::accept(Token token) {
  last_ = token;
  ++drawn_;
  unsent_.push_back(token);
  if (is_stop_token(token)) {
    finish_ = Finish::stop;
  } else {
    text_ += turn_.push(stops_.push(detokenizer_.push(token)));
    if (stops_.stopped())
      finish_ = Finish::stop;
    else if (drawn_ >= job_.request->max_tokens)
      finish_ = Finish::length;
  }
  if (done()) flush();
}

void Generation::deliver() noexcept {
  if (ended_) return;
  if (failure_) {
    try {
      const Error error = as_error(failure_);
      end(Finish::failed, step_, &error);
    } catch (...) {  // no memory for a sentence
      end(Finish::failed, step_, nullptr);
    }
  } else if (done() || !text_.empty()) {
    emit(nullptr);
  }
}

void Generation::end(Finish finish, uint64_t step, const Error* error) noexcept {
  finish_ = finish;
  step_ = step;
  try {
    flush();
  } catch (...) {  // no memory for the rest of the text: the client still learns that it ended
  }
  emit(error);
}

bool Generation::is_stop_token(Token token) const {
  const std::vector<Token>& stops = job_.request->stop_tokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

// Moves held-back text to text_. The last bytes may still complete a stop string.
void Generation::flush() {
  if (stops_.stopped()) return;
  text_ += turn_.push(stops_.push(detokenizer_.finish()));
  if (!stops_.stopped()) text_ += turn_.push(stops_.finish());
  if (stops_.stopped() && finish_ == Finish::length) finish_ = Finish::stop;
}

void Generation::emit(const Error* error) {
  Event event;
  event.text = text_;
  event.tokens = unsent_;
  event.finish = finish_;
  event.prompt_tokens = fed_;
  event.completion_tokens = drawn_;
  if (finish_ == Finish::length) event.embedding = vector_;
  event.step = step_;
  event.error = error;
  send(*job_.sink, event);
  ended_ = done();
  text_.clear();
  unsent_.clear();
}

}  // namespace fulmar
