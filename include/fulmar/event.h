// What a request hears while it runs, and who listens.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fulmar/error.h"
#include "fulmar/model.h"
#include "fulmar/state.h"

namespace fulmar {

enum class Finish : uint8_t {
  none,       // more will come
  stop,       // a stop string, a stop token or the end of text
  called,     // the same, after calls of tools
  length,     // max_tokens
  paused,     // Sink::pause(): Request::drawn says how it goes on
  cancelled,  // the engine was drained or destroyed first; a closed sink hears nothing more
  failed      // see Event::error
};

// News of a call of a tool that the model asks for.
struct CallPiece {
  uint32_t call;               // 0, 1, ... in the order of their coming
  std::string_view name;       // whole, with the call's first piece; then empty
  std::string_view arguments;  // more of a JSON object's text
};

struct TokenScore {
  Token token;
  float logprob;
};

// Scores of tokens, a row each: the token that came, then the likeliest ones, best first, and -1 where no further one is
// possible. [rows, width]
struct ScoreRows {
  std::span<const TokenScore> cells;
  uint32_t width = 0;  // 1 and what Report asked for

  size_t size() const { return width > 0 ? cells.size() / width : 0; }
  std::span<const TokenScore> operator[](size_t row) const { return cells.subspan(row * width, width); }
};

// Nanoseconds that a request took so far, one after the other.
struct Times {
  uint64_t waited = 0;  // until it had a slot
  uint64_t prompt = 0;  // until the first token was drawn, or where none is the prompt was read
  uint64_t drawing = 0; // since then
};

struct Event {
  std::string_view thought;       // new text of the thought, which comes before the answer's
  std::string_view text;          // new text: whole UTF-8 characters, never part of a stop string
  std::span<const CallPiece> calls;  // which come after the text
  // Of the tokens whose text this is, where they were asked for: none of those of a thought, of a stop that is not shown, and
  // of a stop token only where Report says so.
  ScoreRows scores;
  ScoreRows prompt_scores;           // of the prompt's next tokens, from the second on; before all of the answer's
  std::span<const Token> tokens;  // sampled since the last event, the one that stopped it included
  Finish finish = Finish::none;   // the last event of a request has one
  uint32_t prompt_tokens = 0, completion_tokens = 0;  // so far
  uint32_t cached_tokens = 0;                         // of the prompt's: those that a prefix of it had read before
  uint32_t thought_tokens = 0;                        // those of the completion that the thought took
  std::span<const float> embedding;  // [C], of length 1: with the last event of a request for one that did not fail
  // After the turn, one a stream: with the last event of a request for them that did not fail, or was paused. None where
  // its prompt was not read to the end.
  std::span<const StatePtr> states;
  // With the last event of a request for it that made tokens: those of its prompt, and of its answer without what ended it.
  std::span<const Token> turn;
  uint64_t step = 0;                                  // the engine step that made it
  Times times;
  std::optional<uint32_t> stop;  // with Finish::stop: which of Request::stop it was; past those, one of the prompt's
  const Error* error = nullptr;                       // with Finish::failed
  // A token that completes no text makes no event of its own: it comes with the next one. The last event of a turn that
  // is kept comes when that is durable; where it cannot be kept, it is Finish::failed, and the session is what it was.
};

// What a listener wants of its request; the larger counts.
enum class Wish : uint8_t { more, pause, end, closed };

// Where a request's events go. Keep it alive by the shared_ptr given to submit(); call close() when nobody
// listens any more: the slot is free after the step under way, and no further event arrives after the one in flight.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void on_event(const Event& event) = 0;
  void close() { want(Wish::closed); }
  bool closed() const { return wish() == Wish::closed; }
  // Both after the step under way too, with a last event. The text ends there, as if the model had ended it: Finish::stop.
  void end() { want(Wish::end); }
  // It is to go on later: Finish::paused, with what its states are; text that may become a stop string stays held back.
  void pause() { want(Wish::pause); }
  Wish wish() const { return wish_.load(std::memory_order_acquire); }

 private:
  void want(Wish wish) {
    for (Wish now = wish_.load(std::memory_order_relaxed); now < wish;)
      if (wish_.compare_exchange_weak(now, wish, std::memory_order_release, std::memory_order_relaxed)) return;
  }

  std::atomic<Wish> wish_{Wish::more};
};

}  // namespace fulmar
