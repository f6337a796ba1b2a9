// Gathers the events of a request's choices; the engine thread comes in here and leaves without waiting. The
// words of the answer are made where it is read.
#include "answer/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "answer/behalf.h"
#include "answer/choice_text.h"
#include "answer/prompt_scores.h"
#include "answer/tenants.h"
#include "answer/text_parts.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace fulmar::api {
namespace {

class Answer;

struct Choice final : Sink, ChoiceText {
  Choice(Answer& whole, uint32_t at) : owner(whole), index(at) {}
  void on_event(const Event& event) override;

  Answer& owner;  // owns this; sinks are given away as pointers that share its ownership
  const uint32_t index;
  uint32_t sent_tokens = 0;  // completion_tokens when its text was taken last
  bool waiting = false;  // stands in Answer::news_
  TextMeasure measure;
  // Of an answer that may be paused.
  std::vector<Token> drawn;
  std::vector<StatePtr> states;  // when it was
};

class Answer final : public http::Source, public Stoppable, public std::enable_shared_from_this<Answer> {
 public:
  Answer(const Asked& asked, const Context& context, host::ServedPtr served, std::unique_ptr<Dialect> dialect,
         const Call& call);
  ~Answer() override;

  void start(Asked asked);
  void on_event(Choice& choice, const Event& event) noexcept;
  http::Reply::Part take() override;

  void stop() override;
  void pause(std::shared_ptr<void> until) override;
  bool is_over() const override;
  size_t texts() const override { return choices_.size(); }
  size_t states() const override;

 private:
  struct Piece {
    uint32_t index;
    std::string thought, text;  // one of them
    News news;
    Finish finish;              // none until the choice's last piece
    Usage usage;
    std::optional<uint32_t> stop;
  };
  // With the lock held.
  void add(Choice& choice, const Event& event);
  bool has_echo(uint32_t index) const;
  void count_prompt(size_t prompt, const Event& event);
  void end_with(const Error& error);
  void keep_rest();
  std::vector<Piece> take_pieces();
  // By whoever takes.
  http::Reply::Part take_stream();
  http::Reply::Part take_whole();
  void put_choice(std::string& out);
  void end_choice(Choice& choice, uint32_t index, std::string& out);
  bool put_echo(uint32_t index, std::string& out);
  void put_opening(std::string& out);
  void close_all() {
    for (Choice& choice : choices_) choice.close();
  }
  size_t prompt_of(uint32_t index) const { return index / drawn_; }
  const Prompt* told_prompt(uint32_t index) const { return prompts_.empty() ? nullptr : prompts_[prompt_of(index)].get(); }
  std::string_view echo_of(uint32_t index) const { return echo_ ? std::string_view(told_prompt(index)->text) : std::string_view(); }
  // By whoever takes, once they are all there.
  ScoreRows prompt_scores(uint32_t index) const { return prompt_scores_.rows(prompt_of(index)); }
  size_t shown() const { return choices_.size() / drawn_ * delivery_.choices; }

  host::ServedPtr served_;  // until all choices have ended: a model that is to go waits for no reader
  const Delivery delivery_;
  const std::unique_ptr<Dialect> dialect_;
  const Family& family_;
  Running& running_;
  Measures& measures_;
  const std::string id_;  // in there; empty: it is not
  const std::string tenant_ = Behalf::tenant();
  const std::vector<uint32_t> indices_;
  const bool trim_, echo_, tells_tokens_, tells_progress_, repeats_;
  const uint32_t drawn_;  // choices of each prompt, all of which are shown, or the best
  const bool scores_;
  const std::shared_ptr<http::Reply> reply_;
  std::vector<std::shared_ptr<const Prompt>> prompts_;  // whose texts are told, or empty
  std::vector<uint64_t> totals_;                        // tokens of each prompt
  PromptScores prompt_scores_;                          // where they are wanted; with the lock, until they are whole
  std::vector<uint32_t> best_;                          // those that are shown, where they are not all
  std::vector<Request> requests_;                    // per prompt, where it may be paused
  std::deque<Choice> choices_;                       // prompt-major; fixed before they are submitted
  // Of whoever takes: how far the openings of a stream are out, or an answer in one piece.
  bool begun_ = false;                               // the head was taken
  size_t next_ = 0;                                  // choice
  size_t given_ = 0;                                 // bytes of its thought, echo and text; in a stream, then rows of scores
  bool worded_ = false;                              // its text is out, and its scores follow
  std::string half_;                                 // a character's first bytes

  mutable std::mutex mutex_;
  struct Read {
    uint64_t tokens = 0, cached = 0;
  };
  std::vector<Read> read_;  // of each prompt, as far as it is in usage_
  Usage usage_;
  size_t unfinished_ = 0;
  size_t unread_ = 0, said_ = 0;  // bytes of text in all choices, and those that were
  Held held_;                   // what these and the echo take
  std::deque<uint32_t> news_;   // choices with something new, in the order of its coming
  std::optional<Error> error_;  // ends the answer after what came before it
  bool dropped_ = false;        // an event could not be kept
  std::atomic<bool> pausing_{false};
  std::vector<std::shared_ptr<void>> pausers_;  // who waits for that
};

void Choice::on_event(const Event& event) {
  owner.on_event(*this, event);
}

Answer::Answer(const Asked& asked, const Context& context, host::ServedPtr served, std::unique_ptr<Dialect> dialect,
               const Call& call)
    : served_(std::move(served)),
      delivery_(asked.delivery),
      dialect_(std::move(dialect)),
      family_(call.family),
      running_(context.running),
      measures_(context.measures),
      id_(asked.id),
      indices_(asked.indices),
      trim_(asked.trim),
      echo_(asked.echo),
      tells_tokens_(asked.tells_tokens),
      tells_progress_(asked.tells_progress),
      repeats_(asked.repeats),
      drawn_(std::max(asked.best_of, asked.delivery.choices)),
      scores_(asked.scores),
      reply_(call.reply),
      unfinished_(asked.prompts.size() * drawn_),
      held_(context.waiting_text) {
  for (uint32_t i = 0; i < unfinished_; ++i) choices_.emplace_back(*this, i);
  for (const Request& request : asked.prompts) {
    read_.push_back({request.prompt->tokens.size(), 0});
    usage_.prompt += read_.back().tokens;
    totals_.push_back(read_.back().tokens);
    if (asked.echo || asked.tells_prompt) prompts_.push_back(request.prompt);
    if (scores_) prompt_scores_.add_prompt(request);
  }
}

void Answer::start(Asked asked) {
  for (const auto& prompt : prompts_) held_.change(prompt->text.size(), 0);
  if (held_.too_much()) throw Held::too_much_error();
  const auto self = shared_from_this();
  reply_->on_gone([weak = weak_from_this()] {
    const auto answer = weak.lock();
    if (answer && !answer->pausing_) answer->close_all();  // what is paused may go on for another
  });
  reply_->note({usage_.prompt, 0});
  std::vector<Submission> all;
  if (!id_.empty()) {
    requests_ = asked.prompts;
    running_.add(id_, weak_from_this());
  }
  for (Request& request : asked.prompts) {
    Submission& submission = all.emplace_back(Submission{std::move(request), {}});
    for (uint32_t i = 0; i < drawn_; ++i)
      submission.choices.emplace_back(self, &choices_[(all.size() - 1) * drawn_ + i]);
  }
  const host::ServedPtr served = served_;  // it may be over before submit() returns
  served->engine->submit(std::move(all));
  reply_->attach(asked.around ? asked.around(self) : self);
}

void Answer::on_event(Choice& choice, const Event& event) noexcept {
  const std::lock_guard lock(mutex_);
  if (dropped_ || error_ || choice.finish != Finish::none) return;
  choice.measure.hear(event, choice.index % delivery_.choices == 0, measures_);
  try {
    if (event.error)
      end_with(*event.error);
    else if (event.finish == Finish::failed)
      end_with(Error(ErrorKind::internal, "generation failed"));
    else if (event.finish == Finish::cancelled)
      end_with(Error(ErrorKind::unavailable, "the server stopped before the answer was complete"));
    else
      add(choice, event);
  } catch (...) {  // no memory for the text
    dropped_ = true;
    pausers_.clear();
    close_all();
    reply_->wake();
  }
}

void Answer::add(Choice& choice, const Event& event) {
  usage_.completion += event.completion_tokens - std::exchange(choice.completion_tokens, event.completion_tokens);
  usage_.thought += event.thought_tokens - std::exchange(choice.thought_tokens, event.thought_tokens);
  usage_.times = longer(usage_.times, event.times);
  if (choice.index % drawn_ == 0) count_prompt(prompt_of(choice.index), event);
  reply_->note({usage_.prompt, usage_.completion});
  const size_t before = choice.capacity();
  const size_t told = choice.add(event, scores_, tells_tokens_);
  held_.change(prompt_scores_.add(prompt_of(choice.index), event.prompt_scores), 0);
  held_.change(choice.capacity(), before);
  const size_t news = event.thought.size() + event.text.size() + told;
  unread_ += news;
  if (said_ += news; repeats_ && said_ > kRepeated) stop();
  choice.finish = event.finish;
  if (!id_.empty()) choice.drawn.insert(choice.drawn.end(), event.tokens.begin(), event.tokens.end());
  if (event.finish == Finish::paused) choice.states.assign(event.states.begin(), event.states.end());
  if (event.finish != Finish::none && --unfinished_ == 0 && pausing_) keep_rest();
  if (unread_ > kUnread && delivery_.stream)
    return end_with(Error(ErrorKind::timed_out,
                          fmt::format("the answer is read too slowly: {} bytes of it were waiting", unread_)));
  if (held_.too_much()) return end_with(Held::too_much_error());
  if (unread_ > kUnread && unfinished_ > 0) {
    // As much as an answer in one piece may hold: what was not finished ends here.
    for (Choice& other : choices_)
      if (other.finish == Finish::none) other.finish = Finish::length;
    unfinished_ = 0;
    close_all();
  }
  if (unfinished_ == 0) served_.reset();
  if (!delivery_.stream) {
    if (unfinished_ == 0) reply_->wake();
    return;
  }
  if (event.prompt_scores.size() > 0 && echo_) reply_->wake();
  const bool is_due = choice.completion_tokens - choice.sent_tokens >= delivery_.chunk;
  const bool is_progress = tells_progress_ && event.completion_tokens == 0;
  if (choice.finish == Finish::none && !is_progress && (choice.empty() || !is_due)) return;
  if (!std::exchange(choice.waiting, true)) news_.push_back(choice.index);
  reply_->wake();
}

// A session that goes on may have had less to read than was thought. What choices of one prompt share is read by the first.
void Answer::count_prompt(size_t prompt, const Event& event) {
  Read& read = read_[prompt];
  usage_.prompt += event.prompt_tokens - std::exchange(read.tokens, event.prompt_tokens);
  usage_.cached += event.cached_tokens - std::exchange(read.cached, event.cached_tokens);
}

Answer::~Answer() {
  if (!id_.empty()) running_.remove(id_);
}

void Answer::stop() {
  for (Choice& choice : choices_) choice.end();
}

void Answer::pause(std::shared_ptr<void> until) {
  const std::lock_guard lock(mutex_);
  if (unfinished_ == 0 || error_ || dropped_) return;
  pausers_.push_back(std::move(until));
  pausing_ = true;
  for (Choice& choice : choices_) choice.pause();
}

size_t Answer::states() const {
  size_t count = 0;
  for (const Request& request : requests_) count += std::max<size_t>(1, request.streams.size());
  return count;
}

bool Answer::is_over() const {
  const std::lock_guard lock(mutex_);
  return unfinished_ == 0 || error_ || dropped_;
}

// What was not begun begins as it was asked for; the rest goes on from its session or its state, with nothing to read but
// the token that was drawn last.
void Answer::keep_rest() {
  PausedAnswer paused;
  paused.id = id_;
  paused.chunk = delivery_.chunk;
  paused.model = served_->id;
  paused.engine = served_->engine;
  for (const Choice& choice : choices_) {
    if (choice.finish != Finish::paused) continue;
    Request& rest = paused.rest.emplace_back(requests_[choice.index]);
    paused.indices.push_back(indices_.empty() ? choice.index : indices_[choice.index]);
    if (!rest.streams.empty()) paused.session = rest.streams[0].keep;
    if (choice.states.empty()) continue;
    go_on_later(rest, choice.drawn, choice.states);
  }
  if (!paused.rest.empty()) running_.keep(std::move(paused));
  pausers_.clear();
}

// One choice's failure ends the whole answer.
void Answer::end_with(const Error& error) {
  error_ = told_to(tenant_, error);
  served_.reset();
  pausers_.clear();
  close_all();
  reply_->wake();
}

// Choices that have news take turns, so that a long text does not hold up the others'.
std::vector<Answer::Piece> Answer::take_pieces() {
  std::vector<Piece> pieces;
  for (size_t bytes = 0; !news_.empty() && bytes < kPartBytes;) {
    Choice& choice = choices_[news_.front()];
    news_.pop_front();
    Piece piece{choice.index, {}, {}, {}, Finish::none, choice.usage(), choice.stop};
    const size_t before = choice.capacity();
    std::string& part = choice.thought.empty() ? piece.text : piece.thought;
    part = take_part(choice.thought.empty() ? choice.text : choice.thought);
    if (choice.thought.empty() && choice.text.empty()) piece.news = choice.news.take(kPartBytes);
    if (choice.empty()) {
      piece.finish = choice.finish;
      choice.waiting = false;
      choice.sent_tokens = choice.completion_tokens;
    } else {
      news_.push_back(choice.index);
    }
    held_.change(choice.capacity(), before);
    bytes += part.size() + piece.news.bytes();
    unread_ -= part.size() + piece.news.bytes();
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

http::Reply::Part Answer::take() {
  return delivery_.stream ? take_stream() : take_whole();
}

http::Reply::Part Answer::take_stream() {
  http::Reply::Part part;
  part.streamed = true;
  // Whatever has come by then, the openings go first; they and the echo may be many parts.
  const bool opened = begun_ && next_ == choices_.size();
  std::vector<Piece> pieces;
  std::optional<Error> error;
  bool over = false;
  Usage usage;
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) error_.emplace(ErrorKind::out_of_memory, "the host's memory did not suffice for the answer");
    if (opened) pieces = take_pieces();
    if (pieces.empty() && (opened || news_.empty())) error = error_;
    over = opened && unfinished_ == 0 && news_.empty() && !error_;
    usage = usage_;
  }
  // Once a stream has begun its status is sent, so an error is an event.
  if (error && !begun_) return {http::worded(family_.wording, http::Failure(*error)), false, {}, true};
  if (!std::exchange(begun_, true)) part.head = dialect_->stream_head();
  if (!opened) put_opening(part.bytes);
  std::vector<std::vector<CallPiece>> calls;
  std::vector<Said> said;
  for (const Piece& piece : pieces) {
    calls.push_back(piece.news.pieces());
    said.push_back({piece.index, piece.thought, piece.text, calls.back(), piece.news.scores(), piece.finish,
                    {piece.usage, piece.stop, piece.news.turn(), piece.news.tokens(), totals_[prompt_of(piece.index)],
                     piece.finish == Finish::none ? nullptr : told_prompt(piece.index)}});
  }
  if (!said.empty()) dialect_->say(said, part.bytes);
  if (error) dialect_->fail(http::Failure(*error), part.bytes);
  if (over) dialect_->end(usage, part.bytes);
  part.done = over || error;
  return part;
}

void Answer::put_opening(std::string& out) {
  while (next_ < choices_.size() && out.size() < kPartBytes) {
    const uint32_t index = choices_[next_].index;
    if (!has_echo(index)) return;
    if (given_ == 0) dialect_->open(index, out);
    if (echo_ && !put_echo(index, out)) continue;
    ++next_;
    given_ = 0;
  }
}

// Whether the prompt that is repeated has its scores, where they are wanted: they come with it, so that a stream waits for them.
bool Answer::has_echo(uint32_t index) const {
  if (!echo_ || prompt_scores_.empty()) return true;
  const std::lock_guard lock(mutex_);
  return error_ || dropped_ || unfinished_ == 0 || prompt_scores_.is_whole(prompt_of(index));
}

// A part of the prompt's text, or behind it of its scores; false: there is more.
bool Answer::put_echo(uint32_t index, std::string& out) {
  const std::string_view text = echo_of(index);
  const ScoreRows all = prompt_scores(index);
  Said said{index, {}, {}, {}, {}, Finish::none};
  if (given_ < text.size() || all.size() == 0) {
    said.text = first_part(text.substr(given_));
    given_ += said.text.size();
  } else {
    const size_t first = given_ - text.size(), rows = std::max<size_t>(1, kPartBytes / sizeof(TokenScore) / all.width);
    said.scores = {all.cells.subspan(first * all.width, std::min(rows, all.size() - first) * all.width), all.width};
    given_ += said.scores.size();
  }
  dialect_->say({&said, 1}, out);
  return given_ >= text.size() + all.size();
}

// Once all choices have ended. What is one part comes with its length, a longer answer in chunks.
http::Reply::Part Answer::take_whole() {
  http::Reply::Part part;
  Usage usage;
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) error_.emplace(ErrorKind::out_of_memory, "the host's memory did not suffice for the answer");
    if (error_) return {http::worded(family_.wording, http::Failure(*error_)), false, {}, true};
    if (unfinished_ > 0) return part;
    usage = usage_;
  }
  if (!begun_) dialect_->begin_whole(part.bytes);
  if (!begun_ && drawn_ > delivery_.choices) {
    std::vector<double> means;
    for (const Choice& choice : choices_) means.push_back(choice.mean_logprob());
    best_ = best_choices(means, drawn_, delivery_.choices);
  }
  while (next_ < shown() && part.bytes.size() < kPartBytes) put_choice(part.bytes);
  part.done = next_ == shown() && dialect_->put_prompt_scores(prompt_scores(0), part.bytes);
  if (part.done) dialect_->end_whole(usage, part.bytes);
  part.streamed = begun_ || !part.done;
  if (!std::exchange(begun_, true)) part.head = dialect_->whole_head();
  if (!part.streamed) part.head->body = std::exchange(part.bytes, {});
  return part;
}

// One part of the next choice, whose text nobody writes to any more.
void Answer::put_choice(std::string& out) {
  Choice& choice = choices_[best_.empty() ? next_ : best_[next_]];
  const auto index = static_cast<uint32_t>(next_);
  if (worded_) return end_choice(choice, index, out);
  if (trim_ && given_ == 0) trim(choice.text);
  const bool puts = dialect_->puts_text();
  const std::string_view none, parts[] = {puts ? choice.thought : none, puts ? echo_of(choice.index) : none, puts ? choice.text : none};
  const bool has_text = parts[1].size() + parts[2].size() > 0;
  if (given_ == 0) dialect_->begin_choice(index, {!choice.thought.empty(), has_text, !choice.news.whole_calls().empty()}, out);
  size_t begin = 0, at = 0;
  while (at < 2 && given_ >= begin + parts[at].size()) begin += parts[at++].size();
  const std::string_view part = first_part(parts[at].substr(given_ - begin));
  half_ += part;
  given_ += part.size();
  const bool ends_thought = at == 0 && given_ == parts[0].size();
  const bool last = given_ == parts[0].size() + parts[1].size() + parts[2].size();
  append_json_escaped(out, last || ends_thought ? replace_bad_utf8(std::exchange(half_, {})) : take_utf8(half_));
  if (ends_thought) dialect_->end_thought(out);
  if (!last) return;
  const Course course{choice.usage(), choice.stop, choice.news.turn(), choice.news.tokens(), totals_[prompt_of(choice.index)], told_prompt(choice.index)};
  dialect_->end_choice(index, {choice.finish, choice.news.whole_calls(), choice.news.scores(), course, choice.text, choice.thought}, out);
  end_choice(choice, index, out);
}

// What comes behind its text, and then nobody needs it any more.
void Answer::end_choice(Choice& choice, uint32_t index, std::string& out) {
  worded_ = !dialect_->put_scores(index, {prompt_scores(choice.index), choice.news.scores()}, out);
  if (worded_) return;
  const std::lock_guard lock(mutex_);
  const size_t before = choice.capacity();
  std::string().swap(choice.text);
  std::string().swap(choice.thought);
  choice.news = {};
  held_.change(choice.capacity(), before);
  ++next_;
  given_ = 0;
}

}  // namespace

void give_answer(const Context& context, const host::ServedPtr& served, Asked asked, std::unique_ptr<Dialect> dialect,
                 const Call& call) {
  const size_t n = std::max(asked.best_of, asked.delivery.choices);
  if (asked.prompts.size() * n > kChoices)
    throw Error(ErrorKind::bad_request,
                fmt::format("{} times the number of prompts is more than {}", asked.best_of > 0 ? "best_of" : "n", kChoices),
                asked.best_of > 0 ? "best_of" : "n");
  PromptScores::check_size(asked.prompts, asked.echo ? asked.delivery.choices : 1);
  size_t echoed = 0;
  for (const Request& request : asked.prompts) echoed += request.prompt->text.size() * asked.delivery.choices;
  if (asked.echo && echoed > kUnread)
    throw Error(ErrorKind::bad_request,
                fmt::format("echo would repeat {} bytes, more than {}", echoed, kUnread), "echo");
  std::make_shared<Answer>(asked, context, served, std::move(dialect), call)->start(std::move(asked));
}

}  // namespace fulmar::api
