// A request while it runs in a slot: what of the prompt is fed, the draws, and the text on its way to the sink. Owned by
// the engine thread; draw() may be called by another one that it waits for.
#pragma once
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/job.h"
#include "engine/scheduler.h"
#include "model/embedding_heads.h"
#include "text/sampler.h"
#include "text/turn_reader.h"

namespace fulmar {

class Generation {
 public:
  // `heads`: of a model that embeds, whose rows of `draw` are what its final norm gives.
  Generation(Job job, std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab, const EmbeddingHeads* heads = nullptr);

  bool closed() const { return job_.sink->closed(); }
  Demand demand(uint32_t slot) const;
  uint32_t drawn() const { return drawn_; }
  // Appends the next `rows` tokens to a step; true where they are the prompt's.
  bool feed(uint32_t rows, std::vector<Token>& tokens);
  // After a step that fed it and has no logits for it: a request for no tokens is done with its prompt.
  void rest(uint64_t step);
  // Whether it is done and still has no embedding that it was asked for.
  bool wants_vector() const { return !heads_ && job_.request->embed && finish_ == Finish::length && vector_.empty(); }
  void embed(std::span<const float> vector);
  // Draws a token from logits [V], which are overwritten, and makes text of it; or reads the row of the end token. `step` is for the event.
  void draw(std::span<float> logits, uint64_t step) noexcept;
  bool done() const { return finish_ != Finish::none; }
  // Sends what is new, the end among it.
  void deliver() noexcept;
  // Sends the last event of a request that ends early, with the text that was held back.
  void end(Finish finish, uint64_t step, const Error* error) noexcept;

 private:
  const Prompt& prompt() const { return *job_.request->prompt; }
  uint32_t prompt_left() const { return static_cast<uint32_t>(prompt().tokens.size()) - fed_; }
  bool is_stop_token(Token token) const;
  void accept(Token token);
  void count_thought(std::string_view piece);
  bool has_thought_enough() const;
  void close_thought();
  void show(std::string_view piece);
  void add(TurnText news);
  void read_end(std::span<const float> row);
  void flush();
  void emit(const Error* error);

  const Job job_;
  Sampler sampler_;
  Detokenizer detokenizer_;
  StopMatcher stops_;
  TurnReader turn_;   // what is shown: behind the stops, which hold text back
  TurnReader heard_;  // what was drawn: whether it is a thought
  uint32_t fed_ = 0;           // prompt tokens given to steps
  uint32_t drawn_ = 0;         // completion tokens
  uint32_t thought_ = 0;       // of the completion tokens: those of the thought
  std::vector<Token> next_;    // to be fed after the prompt: the last draw, and what closes a thought
  uint32_t next_fed_ = 0;      // of those
  std::string said_thought_, text_;  // for the next event
  std::vector<Token> unsent_;  // drawn since the last event
  const EmbeddingHeads* const heads_;
  std::vector<float> vector_;  // the embedding
  uint64_t step_ = 0;          // the last that drew
  Finish finish_ = Finish::none;
  bool ended_ = false;          // the last event was sent
  std::exception_ptr failure_;  // why, with Finish::failed
};

}  // namespace fulmar
