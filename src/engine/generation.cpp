// From logits to tokens to text, for one request.
#include "engine/generation.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "engine/text_vector.h"

namespace fulmar {
namespace {

Turn apart(Turn turn) {
  turn.together = false;
  return turn;
}

}  // namespace

Generation::Generation(Job job, std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab,
                       const EmbeddingHeads* heads)
    : job_(std::move(job)),
      sampler_(job_.request->sampling, vocab, job_.choice, tokenizer),
      detokenizer_(std::move(tokenizer)),
      stops_(job_.request->stop),
      turn_(prompt().turn),
      heard_(apart(prompt().turn)),
      heads_(heads) {
  sampler_.read_prompt(prompt().tokens);
  unsent_.reserve(16);  // few characters take more tokens than that
}

Demand Generation::demand(uint32_t slot) const {
  const Want want = job_.request->max_tokens == 0 && !heads_ ? Want::none : Want::last;
  if (const uint32_t left = prompt_left(); left > 0) return {slot, left, false, want};
  const auto rows = static_cast<uint32_t>(next_.size()) - next_fed_;
  return {slot, rows, rows == 1, want};
}

bool Generation::feed(uint32_t rows, std::vector<Token>& tokens) {
  const bool of_prompt = prompt_left() > 0;
  const std::vector<Token>& from = of_prompt ? prompt().tokens : next_;
  uint32_t& fed = of_prompt ? fed_ : next_fed_;
  require(rows <= from.size() - fed, "{} rows where {} are left", rows, from.size() - fed);
  const auto first = from.begin() + fed;
  tokens.insert(tokens.end(), first, first + rows);
  fed += rows;
  return of_prompt;
}

void Generation::rest(uint64_t step) {
  if (job_.request->max_tokens > 0 || prompt_left() > 0) return;
  step_ = step;
  finish_ = Finish::length;
}

void Generation::embed(std::span<const float> vector) {
  vector_ = unit_vector(vector);
  const auto finite = [](float x) { return std::isfinite(x); };
  if (std::ranges::all_of(vector_, finite)) return;
  finish_ = Finish::failed;
  failure_ = std::make_exception_ptr(Error(ErrorKind::internal, "the text has no vector: the model's numbers are NaN"));
}

void Generation::read_end(std::span<const float> row) {
  finish_ = Finish::length;
  embed(heads_->apply(job_.request->task, row));
}

void Generation::draw(std::span<float> logits, uint64_t step) noexcept {
  step_ = step;
  try {
    if (heads_)
      read_end(logits);
    else
      accept(sampler_.sample(logits));
  } catch (...) {  // this one's logits are no number: the others go on
    failure_ = std::current_exception();
    finish_ = Finish::failed;
  }
}

void Generation::accept(Token token) {
  next_.assign(1, token);
  next_fed_ = 0;
  ++drawn_;
  unsent_.push_back(token);
  if (is_stop_token(token)) {
    if (heard_.thinking()) ++thought_;
    finish_ = Finish::stop;
  } else {
    const std::string piece = detokenizer_.push(token);
    count_thought(piece);
    show(piece);
    if (!done() && drawn_ >= job_.request->max_tokens) finish_ = Finish::length;
    if (!done() && has_thought_enough()) close_thought();
  }
  if (done()) flush();
}

void Generation::count_thought(std::string_view piece) {
  const bool before = heard_.thinking();
  heard_.push(piece);
  if (before || heard_.thinking()) ++thought_;
}

// A model that is about to close the thought itself gets the few tokens for it.
bool Generation::has_thought_enough() const {
  constexpr uint32_t closing_tokens = 4;
  const auto budget = prompt().turn.thinking_budget;
  if (!budget || !heard_.thinking() || thought_ < *budget) return false;
  return !heard_.ending() || thought_ - *budget >= closing_tokens;
}

// The thought has had its tokens: what closes it is fed as if the model had written it, and the answer follows.
void Generation::close_thought() {
  heard_.expect_end();
  turn_.expect_end();
  for (const Token token : prompt().turn.closing) {
    next_.push_back(token);
    const std::string piece = detokenizer_.push(token);
    heard_.push(piece);
    show(piece);
  }
}

void Generation::show(std::string_view piece) {
  add(turn_.push(stops_.push(piece)));
  if (stops_.stopped()) finish_ = Finish::stop;
}

void Generation::add(TurnText news) {
  said_thought_ += news.thought;
  text_ += news.text;
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
  } else if (done() || !text_.empty() || !said_thought_.empty()) {
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
  if (!stops_.stopped()) {
    add(turn_.push(stops_.push(detokenizer_.finish())));
    if (!stops_.stopped()) add(turn_.push(stops_.finish()));
    if (stops_.stopped() && finish_ == Finish::length) finish_ = Finish::stop;
  }
  add(turn_.finish());
}

void Generation::emit(const Error* error) {
  Event event;
  event.thought = said_thought_;
  event.text = text_;
  event.tokens = unsent_;
  event.finish = finish_;
  event.prompt_tokens = fed_;
  event.completion_tokens = drawn_;
  if (finish_ == Finish::length) event.embedding = vector_;
  event.thought_tokens = thought_;
  event.step = step_;
  event.error = error;
  send(*job_.sink, event);
  ended_ = done();
  said_thought_.clear();
  text_.clear();
  unsent_.clear();
}

}  // namespace fulmar
