// A request while it runs in slots: what of the prompt is fed, the draws, and the text on its way to the sink. Owned by
// the engine thread; draw() may be called by another one that it waits for.
#pragma once
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/beginning.h"
#include "engine/bound_answer.h"
#include "engine/job.h"
#include "engine/scores.h"
#include "engine/scheduler.h"
#include "engine/turn_tokens.h"
#include "model/embedding_heads.h"
#include "text/call_reader.h"
#include "text/sampler.h"
#include "text/turn_reader.h"

namespace fulmar {

// So many tokens that a session's state has not seen are not fed twice: when they are through, that is kept.
inline constexpr uint32_t long_lead = 64;

// Of states on the way, to fall back to where a stop string is found in tokens that the slots have seen by then.
struct Snapshot {
  std::vector<std::shared_ptr<State>> states;  // by stream; none: what the request began from
  size_t said = 0;      // tokens of the answer that they have seen
  bool shared = false;  // with others, who must not see them change
};

class Generation {
 public:
  // `slots`: one a stream, in the states of `beginning`. `heads`: of a model that embeds, whose rows of `draw` are what its
  // final norm gives.
  Generation(Job job, Beginning beginning, std::vector<uint32_t> slots, std::shared_ptr<const Tokenizer> tokenizer,
             uint32_t vocab, const EmbeddingHeads* heads = nullptr);

  bool closed() const { return job_.sink->closed(); }
  // Ends here where its listener wants that.
  void heed() noexcept;
  bool paused() const { return finish_ == Finish::paused; }
  const Job& job() const { return job_; }
  const Beginning& beginning() const { return beginning_; }
  void let_go_of_sessions() { beginning_.lease.reset(); }  // their next turns may begin
  std::span<const uint32_t> slots() const { return slots_; }
  // What it could feed next: one demand, or one for each stream that has other tokens to read first than the others.
  void append_demands(std::vector<Demand>& demands) const;
  uint32_t drawn() const { return drawn_; }
  // Appends the next `rows` tokens of a demand to a step, once for each of its slots; how many of them are the prompt's.
  uint32_t feed(const Demand& demand, uint32_t rows, std::vector<Token>& tokens);
  // After a step that fed it and has no logits for it: a request for no tokens is done with its prompt.
  void rest(uint64_t step);
  // The prompt is read to a place whose states somebody wants; pass_mark() once they were read from the slots.
  bool at_mark() const { return !beginning_.marks.empty() && read() == beginning_.marks.front(); }
  uint32_t read() const;  // tokens of the prompt that the slots have seen
  std::span<const Token> input_so_far() const { return std::span(input_).first(fed_); }
  // Another wants the states at this place of the prompt, if they are not past it.
  void add_mark(uint32_t place);
  // Of the tokens that a stream's state had not seen: how many its slot has seen by now, with nothing of the prompt behind
  // them; 0 where there is something.
  uint32_t lead_fed(size_t stream) const;
  // There were many of these, and they are through.
  bool at_lead_end() const { return stops_at_lead_ && fed_ == lead_ && !is_apart(); }
  void pass_lead() { stops_at_lead_ = false; }
  // What a stream's state had not seen, where that differs from the others' and so is no part of the input.
  std::span<const Token> own_lead(size_t stream) const;
  void pass_mark() { beginning_.marks.erase(beginning_.marks.begin()); }
  // A stop string may begin in the token that is fed next, and what the slots have now may be wanted then.
  bool wants_snapshot() const;
  // What the slots have now.
  void keep_snapshot(std::vector<std::shared_ptr<State>> states, bool shared);
  // Whether it is done and still has no embedding that it was asked for.
  bool wants_vector() const { return !heads_ && job_.request->embed && finish_ == Finish::length && vector_.empty(); }
  void embed(std::span<const float> vector);
  // Whether a token is drawn from the row that predicts one behind the prompt.
  bool draws_next() const { return job_.request->max_tokens > 0 && left() == 0 && !is_apart(); }
  // Scores of the prompt: makes room for those of the rows that it was fed last; whether one of these, counted from 0, scores a
  // token; scores it, by any thread, beside others.
  void expect_scores(uint32_t rows);
  bool scores(uint32_t row) const;
  void score(uint32_t row, std::span<const float> logits, ScoreMemory& memory) noexcept;
  // Once all of a step are there.
  void check_scores() noexcept;
  // Draws a token from logits [V], which are overwritten, and makes text of it; or reads the row of the end token. `step` is for the event.
  void draw(std::span<float> logits, uint64_t step) noexcept;
  bool done() const { return finish_ != Finish::none; }
  // While the model computes: what can be worked out before the logits are there.
  void prepare_draw() noexcept {
    if (bound_) bound_->prepare();
  }
  const Constraint* form() const { return job_.request->constraint.get(); }  // null: none

  // Whether what the slots have then is of use to anybody, and the prompt was read whole.
  bool leaves_states() const;
  // What was fed and what is still to be, when it is done or was given up.
  TurnTokens turn_tokens() const;
  const Snapshot& snapshot() const { return snapshot_; }
  std::span<const Token> said_so_far() const { return std::span(said_.tokens()).first(said_fed()); }
  void set_states(std::vector<StatePtr> states) { states_ = std::move(states); }
  // Until settle() the last event is held back.
  void hold_end() { held_ = true; }
  void settle(const Error* error);

  // Sends what is new, the end among it.
  void deliver() noexcept;
  // Sends the last event of a request that ends early, with the text that was held back.
  void end(Finish finish, uint64_t step, const Error* error) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  const Prompt& prompt() const { return *beginning_.prompt; }
  uint32_t left() const { return static_cast<uint32_t>(input_.size()) - fed_; }
  bool is_apart() const;
  size_t said_fed() const;
  bool is_stop_token(Token token) const;
  bool reads_for_scores() const;
  bool has_scores() const;
  size_t scored_position(uint32_t row) const;
  void score_said(Token token, std::string_view piece);
  void replay(std::span<const Token> drawn);
  void accept(Token token);
  void take(Token token);
  void hear(Token token);
  bool jumps_ahead() const;
  void jump_ahead();
  void count_thought(std::string_view piece);
  bool has_thought_enough() const;
  void close_thought();
  void show(std::string_view piece);
  void end_at_stop();
  void pass(std::string_view piece);
  void add(TurnText news);
  void add(CallText news);
  void read_end(std::span<const float> row);
  void blame_state() noexcept;
  void blame_bias() noexcept;
  size_t said_shown() const { return shown_ > held_before_ ? shown_ - held_before_ : 0; }
  void flush();
  bool has_progress() const;
  Times times() const;
  void emit(Finish finish, const Error* error);

  const Job job_;
  Beginning beginning_;
  const std::vector<uint32_t> slots_;
  const bool falls_back_;  // its states are wanted, and it ends at stop strings
  const std::shared_ptr<const Tokenizer> tokenizer_;
  Sampler sampler_;
  Detokenizer detokenizer_;
  StopMatcher stops_;
  TurnReader turn_;   // what is shown: behind the stops, which hold text back
  TurnReader heard_;  // what was drawn: whether it is a thought
  std::optional<CallReader> reader_;  // of calls, where they are looked for
  uint32_t called_ = 0;               // calls that were read
  std::unique_ptr<BoundAnswer> bound_;  // where the answer has to be of a form
  std::vector<uint32_t> lead_fed_;  // by stream: of the tokens that its state has not seen, where they differ
  uint32_t lead_ = 0;               // tokens of the input before the prompt's
  bool stops_at_lead_ = false;      // no step passes the end of those
  std::vector<Token> input_;        // to be fed before the first draw
  uint32_t fed_ = 0;                // of those
  uint32_t was_read_ = beginning_.read;  // read() before the step that feeds it now
  std::optional<uint32_t> told_read_;  // in an event of Report::progress
  uint32_t drawn_ = 0;         // completion tokens
  uint32_t thought_ = 0;       // of the completion tokens: those of the thought
  std::vector<Token> next_;    // to be fed after the prompt: the last draw, and what closes a thought
  uint32_t next_fed_ = 0;      // of those
  SaidTokens said_;            // the answer's, but for a stop token; where its states may be of use
  size_t shown_ = 0;           // bytes of their text that came past the stops, and before them:
  size_t held_before_ = 0;     // of Request::drawn, which the stops held back
  size_t said_bytes_ = 0;      // of all that was said, the shown and those held back
  std::unique_ptr<ScoreTable> prompt_scores_;  // where they are wanted: for the next event,
  size_t first_scored_ = 0;                   // the first of them that this step makes, and of which input token:
  size_t first_position_ = 0;
  std::unique_ptr<SaidScores> said_scores_;   // and the answer's
  std::string said_thought_, text_;  // for the next event
  std::vector<ToolCall> calls_;      // likewise
  std::vector<Token> unsent_;  // drawn since the last event
  const EmbeddingHeads* const heads_;
  std::vector<float> vector_;  // the embedding
  const Clock::time_point begun_ = Clock::now();
  std::optional<Clock::time_point> drew_first_;
  Snapshot snapshot_;
  std::vector<StatePtr> states_;
  std::vector<Token> whole_turn_;  // for the last event
  uint64_t step_ = 0;          // the last that drew
  Finish finish_ = Finish::none;
  bool stop_token_ = false;  // was drawn
  bool flushed_ = false;
  bool held_ = false;
  bool ended_ = false;          // the last event was sent
  std::exception_ptr failure_;  // why, with Finish::failed
};

}  // namespace fulmar
