// From logits to tokens to text, for one request.
#include "engine/generation.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/fail.h"
#include "engine/constraints.h"
#include "engine/text_vector.h"

namespace fulmar {
namespace {

Turn apart(Turn turn) {
  turn.together = false;
  return turn;
}

bool keeps_states(const Request& request) {
  return request.report_states ||
         std::ranges::any_of(request.streams, [](const Stream& stream) { return !stream.keep.empty(); });
}

// Of what the model starts from: none.
const std::vector<Token>& unfed(const StatePtr& state) {
  static const std::vector<Token> none;
  return state ? state->unfed : none;
}

}  // namespace

Generation::Generation(Job job, Beginning beginning, std::vector<uint32_t> slots,
                       std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab, const EmbeddingHeads* heads)
    : job_(std::move(job)),
      beginning_(std::move(beginning)),
      slots_(std::move(slots)),
      falls_back_(keeps_states(*job_.request) && !job_.request->stop.empty()),
      tokenizer_(tokenizer),
      sampler_(job_.request->sampling, vocab, job_.choice, tokenizer),
      detokenizer_(std::move(tokenizer)),
      stops_(job_.request->stop),
      turn_(prompt().turn),
      heard_(apart(prompt().turn)),
      lead_fed_(slots_.size()),
      heads_(heads) {
  sampler_.read_prompt(prompt().tokens);
  unsent_.reserve(16);  // few characters take more tokens than that
  const std::vector<Token>& first = unfed(beginning_.states[0]);
  if (std::ranges::all_of(beginning_.states, [&](const StatePtr& state) { return unfed(state) == first; })) {
    lead_ = static_cast<uint32_t>(first.size());
    input_ = first;
    for (size_t i = 0; i < slots_.size(); ++i) lead_fed_[i] = lead_;
  }
  input_.insert(input_.end(), prompt().tokens.begin() + beginning_.read, prompt().tokens.end());
  const Report& report = job_.request->report;
  if (report.prompt_logprobs) prompt_scores_ = std::make_unique<ScoreTable>(*report.prompt_logprobs);
  if (report.logprobs) said_scores_ = std::make_unique<SaidScores>(*report.logprobs);
  if (job_.request->constraint)
    bound_ = std::make_unique<BoundAnswer>(job_.request->constraint, tokenizer_, prompt().turn, heard_.thinking(),
                                           job_.request->stop_tokens, vocab);
  const bool may_stop = left() > lead_ || job_.request->max_tokens == 0;  // else the next token is drawn from its end
  for (size_t i = 0; i < slots_.size(); ++i)
    stops_at_lead_ |= may_stop && beginning_.parents[i] != 0 && unfed(beginning_.states[i]).size() >= long_lead;
  if (prompt().turn.calls.form != CallForm::none) reader_.emplace(prompt().turn);
  replay(job_.request->drawn);
}

void Generation::add_mark(uint32_t place) {
  std::vector<uint32_t>& marks = beginning_.marks;
  const auto at = std::ranges::lower_bound(marks, place);
  if (place > read() && (at == marks.end() || *at != place)) marks.insert(at, place);
}

uint32_t Generation::lead_fed(size_t stream) const {
  if (fed_ > lead_ || drawn_ > 0) return 0;
  return lead_ > 0 ? fed_ : lead_fed_[stream];
}

// Everything is then as it was after the last of these, but that nothing of them is said again.
void Generation::replay(std::span<const Token> drawn) {
  constexpr uint64_t form_work = 2048;  // of each token, on average
  size_t bytes = 0, ahead = 0;  // ahead: of the next tokens, how many were not drawn
  if (bound_) form()->allow(std::max(least_form_work, form_work * drawn.size()));
  for (const Token token : drawn) {
    const bool was_drawn = ahead == 0;
    if (was_drawn)
      sampler_.replay(token);
    else
      sampler_.accept(token);
    if (!was_drawn) --ahead;
    const std::string piece = detokenizer_.push(token);
    heard_.push(piece);
    pass(stops_.push(piece));
    bytes += piece.size();
    if (!bound_) continue;
    bound_->read(token);
    if (was_drawn && jumps_ahead()) ahead = bound_->forced(UINT32_MAX).size();
  }
  held_before_ = bytes - std::exchange(shown_, 0);
  said_bytes_ = held_before_;
  said_thought_.clear();
  text_.clear();
  calls_.clear();
}

void Generation::heed() noexcept {
  const Wish wish = job_.sink->wish();
  if (done() || (wish != Wish::end && wish != Wish::pause)) return;
  finish_ = wish == Wish::end ? Finish::stop : Finish::paused;
  if (wish == Wish::pause) return;
  try {
    flush();
  } catch (...) {
    failure_ = std::current_exception();
    finish_ = Finish::failed;
  }
}

// Whether a stream has tokens to read before the others can go along.
bool Generation::is_apart() const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (lead_fed_[i] < unfed(beginning_.states[i]).size()) return true;
  return false;
}

std::span<const Token> Generation::own_lead(size_t stream) const {
  return std::span(unfed(beginning_.states[stream])).subspan(lead_);
}

void Generation::append_demands(std::vector<Demand>& demands) const {
  const std::span<const uint32_t> slots(slots_);
  if (is_apart()) {
    for (size_t i = 0; i < slots.size(); ++i)
      if (const auto rows = static_cast<uint32_t>(unfed(beginning_.states[i]).size()) - lead_fed_[i]; rows > 0)
        demands.push_back({slots[0], slots.subspan(i, 1), rows, false, Want::none});
    return;
  }
  const bool has_row = heads_ ? job_.request->embed : job_.request->max_tokens > 0;
  const Want want = has_row ? Want::last : Want::none;
  const bool scored = reads_for_scores();
  if (stops_at_lead_ && fed_ < lead_) {
    demands.push_back({slots[0], slots, lead_ - fed_, false, Want::none});
  } else if (left() == 0) {
    const auto rows = static_cast<uint32_t>(next_.size()) - next_fed_;
    demands.push_back({slots[0], slots, rows, rows == 1, want});
  } else if (beginning_.marks.empty() || beginning_.marks.front() >= prompt().tokens.size()) {
    demands.push_back({slots[0], slots, left(), false, scored ? Want::all : want});
  } else {
    const uint32_t lead_left = lead_ > fed_ ? lead_ - fed_ : 0;
    demands.push_back({slots[0], slots, lead_left + beginning_.marks.front() - read(), false,
                       scored ? Want::all : Want::none});
  }
}

uint32_t Generation::read() const {
  return beginning_.read + (fed_ > lead_ ? fed_ - lead_ : 0);
}

uint32_t Generation::feed(const Demand& demand, uint32_t rows, std::vector<Token>& tokens) {
  const bool apart = is_apart(), of_input = left() > 0;
  const auto stream = static_cast<size_t>(demand.slots.data() - slots_.data());
  const std::vector<Token>& from = apart ? unfed(beginning_.states[stream]) : of_input ? input_ : next_;
  uint32_t& fed = apart ? lead_fed_[stream] : of_input ? fed_ : next_fed_;
  require(rows <= from.size() - fed, "{} rows where {} are left", rows, from.size() - fed);
  const auto first = from.begin() + fed;
  for (size_t i = 0; i < demand.slots.size(); ++i) tokens.insert(tokens.end(), first, first + rows);
  const uint32_t before = was_read_ = read();
  fed += rows;
  return read() - before;
}

void Generation::rest(uint64_t step) {
  if (job_.request->max_tokens > 0 || left() > 0 || is_apart()) return;
  step_ = step;
  finish_ = Finish::length;
}

void Generation::embed(std::span<const float> vector) {
  vector_ = heads_ && heads_->ranks() ? std::vector<float>(vector.begin(), vector.end()) : unit_vector(vector);
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
    if (heads_) {
      read_end(logits);
    } else {
      if (said_scores_) said_scores_->keep(logits);
      accept(sampler_.sample(logits, bound_ ? bound_->allowed() : std::span<const uint64_t>{}));
    }
  } catch (...) {  // this one's logits are no number: the others go on
    failure_ = std::current_exception();
    finish_ = Finish::failed;
    blame_bias();
    blame_state();
  }
}

// What the request itself forbids is no trouble of the model's.
void Generation::blame_bias() noexcept {
  try {
    if (!bound_ || as_error(failure_).kind() == ErrorKind::bad_request || !bound_->leaves_none(job_.request->sampling.logit_bias)) return;
    failure_ = std::make_exception_ptr(Error(
        ErrorKind::bad_request,
        "logit_bias forbids every token that the form that was asked for allows at this place; leave one of the two out", "logit_bias"));
  } catch (...) {  // as above
  }
}

// Numbers that are finite and huge are no state of the model's own.
void Generation::blame_state() noexcept {
  try {
    const std::vector<Stream>& streams = job_.request->streams;
    const auto of_session = [](Node node) { return node != 0; };
    const auto found = std::ranges::find_if(beginning_.parents, of_session);
    const bool is_session = found != beginning_.parents.end();
    const auto is_value = [](const Stream& stream) { return stream.start != nullptr; };
    if (!(is_session || std::ranges::any_of(streams, is_value)) || as_error(failure_).kind() != ErrorKind::internal) return;
    const std::string name = is_session ? streams[static_cast<size_t>(found - beginning_.parents.begin())].from : "";
    const std::string state = name.empty() ? "the state that the text goes on from" : fmt::format("session '{}'", name);
    failure_ = std::make_exception_ptr(
        Error(ErrorKind::bad_request,
              fmt::format("{} makes of the model's logits no numbers: its own may be too large, as those of a file that is no "
                          "state of this model; take another", state),
              "session_id"));
  } catch (...) {  // no memory for the sentence: the one before stands
  }
}

void Generation::accept(Token token) {
  if (!drew_first_) drew_first_ = Clock::now();
  next_.clear();
  next_fed_ = 0;
  take(token);
  if (is_stop_token(token) && (!bound_ || bound_->may_stop())) {
    stop_token_ = true;
    if (heard_.thinking()) ++thought_;
    if (said_scores_ && job_.request->report.stop_token) said_scores_->add(token, said_bytes_);
    finish_ = Finish::stop;
  } else {
    hear(token);
    if (!done() && has_thought_enough()) close_thought();
    if (!done() && jumps_ahead()) jump_ahead();
  }
  if (done()) flush();
}

void Generation::take(Token token) {
  next_.push_back(token);
  ++drawn_;
  unsent_.push_back(token);
}

// A token of the text, on its way to the sink.
void Generation::hear(Token token) {
  const std::string piece = detokenizer_.push(token);
  count_thought(piece);
  if (said_scores_) score_said(token, piece);
  said_bytes_ += piece.size();
  said_.add(token, piece);
  if (bound_) bound_->read(token);
  show(piece);
  if (!done() && bound_ && bound_->is_over()) finish_ = Finish::stop;
  if (!done() && drawn_ >= job_.request->max_tokens) finish_ = Finish::length;
}

// Whoever wants scores gets one of every token.
bool Generation::jumps_ahead() const { return bound_ && !said_scores_; }

// What alone may come is fed with the token that was drawn, as if it had been drawn too.
void Generation::jump_ahead() {
  for (const Token token : bound_->forced(job_.request->max_tokens - drawn_)) {
    sampler_.accept(token);
    take(token);
    hear(token);
    if (done()) return;
  }
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

// The thought has had its tokens: what closes it is fed as if the model had written it, and the answer follows. No stop
// is looked for in that, nor one that began before it.
void Generation::close_thought() {
  pass(stops_.finish());
  if (stops_.stopped()) return end_at_stop();
  stops_ = StopMatcher(job_.request->stop);
  heard_.expect_end();
  turn_.expect_end();
  for (const Token token : prompt().turn.closing) {
    next_.push_back(token);
    const std::string piece = detokenizer_.push(token);
    heard_.push(piece);
    if (bound_) bound_->read(token);
    said_.add(token, piece);
    said_bytes_ += piece.size();
    pass(piece);
  }
}

void Generation::show(std::string_view piece) {
  pass(stops_.push(piece));
  if (stops_.stopped()) end_at_stop();
}

// The stop string is shown where that is asked for; of the text that a session keeps it is no part.
void Generation::end_at_stop() {
  finish_ = Finish::stop;
  if (stops_.which() >= job_.request->shown_stops) return;
  const std::string& stop = job_.request->stop[stops_.which()];
  add(turn_.push(stop));
  if (said_scores_) said_scores_->show(shown_ + stop.size());
}

void Generation::pass(std::string_view piece) {
  shown_ += piece.size();
  add(turn_.push(piece));
  if (said_scores_) said_scores_->show(shown_);
}

void Generation::add(TurnText news) {
  said_thought_ += news.thought;
  if (reader_)
    add(reader_->push(news.text));
  else
    text_ += news.text;
}

// Behind the last call that there may be nothing more is of use.
void Generation::add(CallText news) {
  text_ += news.text;
  for (ToolCall& call : news.calls) {
    const bool is_more = call.name.empty();
    if (is_more && !calls_.empty()) {
      calls_.back().arguments += call.arguments;
      continue;
    }
    called_ += is_more ? 0 : 1;
    calls_.push_back(std::move(call));
  }
  if (reader_->full() && !done()) finish_ = Finish::called;
}

void Generation::settle(const Error* error) {
  held_ = false;
  if (!error) return;
  finish_ = Finish::failed;
  failure_ = std::make_exception_ptr(*error);
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
  } else if ((done() && !held_) || !text_.empty() || !said_thought_.empty() || !calls_.empty() || has_scores() || has_progress()) {
    emit(held_ ? Finish::none : finish_, nullptr);
  }
}

void Generation::end(Finish finish, uint64_t step, const Error* error) noexcept {
  finish_ = finish;
  step_ = step;
  try {
    flush();
  } catch (...) {  // no memory for the rest of the text: the client still learns that it ended
  }
  emit(finish, error);
}

bool Generation::is_stop_token(Token token) const {
  const std::vector<Token>& stops = job_.request->stop_tokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

// Moves held-back text to text_. The last bytes may still complete a stop string.
void Generation::flush() {
  if (std::exchange(flushed_, true)) return;
  if (!stops_.stopped()) {
    if (const std::string rest = detokenizer_.finish(); !bound_) pass(stops_.push(rest));  // no half characters in a form
    if (!stops_.stopped()) pass(stops_.finish());
    if (stops_.stopped() && (finish_ == Finish::length || finish_ == Finish::stop)) end_at_stop();
  }
  add(turn_.finish());
  if (reader_) add(reader_->finish());
  if (finish_ == Finish::stop && called_ > 0 && !reader_->is_within_call()) finish_ = Finish::called;
  if (job_.request->report_turn) whole_turn_ = turn_tokens().turn;
  if (!said_scores_) return;
  said_scores_->decide(prompt().turn.together || !heard_.thinking());
  said_scores_->show(stops_.stopped() ? shown_ : said_bytes_ + 1);
}

// Events come while the next step is under way, which has read nothing yet.
bool Generation::has_progress() const {
  return job_.request->report.progress && drawn_ == 0 && told_read_ != was_read_;
}

Times Generation::times() const {
  const auto from_to = [](Clock::time_point from, Clock::time_point to) {
    return static_cast<uint64_t>(std::chrono::nanoseconds(to - from).count());
  };
  const Clock::time_point now = Clock::now(), read = drew_first_.value_or(now);
  return {from_to(job_.since, begun_), from_to(begun_, read), from_to(read, now)};
}

void Generation::emit(Finish finish, const Error* error) {
  Event event;
  std::vector<CallPiece> calls;
  auto number = called_ - static_cast<uint32_t>(calls_.size());  // the first of them may be more of that call
  for (const ToolCall& call : calls_) calls.push_back({number++, call.name, call.arguments});
  event.calls = calls;
  event.thought = said_thought_;
  event.text = text_;
  event.tokens = unsent_;
  event.finish = finish;
  event.prompt_tokens = finish == Finish::none && drawn_ == 0 ? was_read_ : read();
  told_read_ = event.prompt_tokens;
  event.cached_tokens = beginning_.read;
  event.completion_tokens = drawn_;
  if (prompt_scores_) event.prompt_scores = prompt_scores_->first(prompt_scores_->size());
  if (said_scores_) event.scores = said_scores_->shown();
  if (finish == Finish::length) event.embedding = vector_;
  if (finish == Finish::length || finish == Finish::stop || finish == Finish::called || finish == Finish::paused) event.states = states_;
  event.thought_tokens = thought_;
  event.turn = whole_turn_;
  event.step = step_;
  event.times = times();
  if (finish == Finish::stop && stops_.stopped()) event.stop = static_cast<uint32_t>(stops_.which());
  event.error = error;
  send(*job_.sink, event);
  ended_ = finish != Finish::none;
  said_thought_.clear();
  text_.clear();
  calls_.clear();
  unsent_.clear();
  if (prompt_scores_) prompt_scores_->drop_first(prompt_scores_->size());
  if (said_scores_) said_scores_->drop_shown();
}

}  // namespace fulmar
