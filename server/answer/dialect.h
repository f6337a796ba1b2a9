// How a family of clients wants an answer worded: from what was said to bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fulmar/event.h"
#include "fulmar/request.h"
#include "http/failure.h"

namespace fulmar::api {

// Tokens of all choices together, or of one.
struct Usage {
  uint64_t prompt = 0, completion = 0;
  uint64_t thought = 0;  // those of the completion that thoughts took
  uint64_t cached = 0;   // those of the prompt that were not read again
  Times times{};         // of the choice that took longest for each
};

// How far one choice has come.
struct Course {
  Usage usage{};                    // its own
  std::optional<uint32_t> stop{};   // Event::stop
  std::span<const Token> turn{};    // once: Event::turn
  std::span<const Token> tokens{};  // new ones, where Asked::tells_tokens says so
  uint64_t total = 0;               // tokens of its prompt; usage.prompt are those that are read
  const Prompt* prompt = nullptr;   // with its last piece, where Asked::tells_prompt does
};

// A piece of one choice: of its thought, which comes first, or of its text and then of its calls. Characters are whole.
struct Said {
  uint32_t index;
  std::string_view thought, text;
  std::span<const CallPiece> calls;
  ScoreRows scores;  // of the text's tokens
  Finish finish;     // none until the choice's last piece
  Course course{};
};

// What a choice of an answer in one piece is made of.
struct Outline {
  bool thought, text, calls;
};

// What comes behind its text.
struct Ending {
  Finish finish;
  std::span<const ToolCall> calls;
  ScoreRows scores;
  Course course{};          // whose tokens are all of them
  std::string_view text{}, thought{};  // for who does not have them put
};

// Scores of a choice of an answer in one piece. Of the prompt, where they are wanted, a row for each token; the first one's
// number is NaN, for nothing predicts it.
struct ChoiceScores {
  ScoreRows prompt, answer;
};

// One object an answer, on its connection's strand only. All calls append to `out`. An answer is either a
// stream or whole; both may be long, so they are made piece by piece as the client takes them.
class Dialect {
 public:
  virtual ~Dialect() = default;

  // A stream: open() each choice, say() what comes, then end() or fail().
  virtual http::Response stream_head() const = 0;
  virtual void open(uint32_t index, std::string& out) = 0;
  virtual void say(std::span<const Said> news, std::string& out) = 0;  // of any choices, in the order of coming
  virtual void end(const Usage& usage, std::string& out) = 0;
  virtual void fail(const http::Failure& failure, std::string& out) = 0;

  // In one piece: whole_head(), begin_whole(), for each choice what stands before its text and behind it, end_whole(). The
  // text itself is put between as the inside of a JSON string, and so is a thought, where there is one, with
  // end_thought() between the two. It has no error of its own: nothing is out before all choices have ended.
  virtual http::Response whole_head() const { return {}; }
  virtual bool puts_text() const { return true; }  // false: neither text nor thought is put
  virtual void begin_whole(std::string& out) = 0;
  virtual void begin_choice(uint32_t index, const Outline& outline, std::string& out) = 0;
  virtual void end_thought(std::string& out) = 0;
  virtual void end_choice(uint32_t index, const Ending& ending, std::string& out) = 0;
  virtual void end_whole(const Usage& usage, std::string& out) = 0;

  // Behind end_choice(), and once all choices are out, before end_whole(), of the first prompt: scores, which may be long. Puts
  // kPartBytes or a little more of them; false: there is more, and it is called again.
  virtual bool put_scores(uint32_t, const ChoiceScores&, std::string&) { return true; }
  virtual bool put_prompt_scores(const ScoreRows&, std::string&) { return true; }
};

}  // namespace fulmar::api
