// Reads the turn that the chat template opened: what the model writes becomes the thought and the answer.
#pragma once
#include <string>
#include <string_view>

#include "fulmar/request.h"

namespace fulmar {

struct TurnText {
  std::string thought, text;  // the thought comes first
};

// Takes a turn apart, however its text is cut into pieces: the thought is what stands between <think> and the
// first </think>, without the white space around it (256 bytes of it at most); the answer is what follows. Only a thought at the turn's
// beginning is one. What the prompt has of the turn already (Turn::begun) counts as read and is not repeated.
//
// Where Turn::together is set nothing is a thought: the text is the whole turn, with <think> as the model would
// have written it, but without the opening of an empty thought.
class TurnReader {
 public:
  explicit TurnReader(const Turn& turn);
  // What this piece of the model's text completes.
  TurnText push(std::string_view piece);
  // What was held back, when generation ended.
  TurnText finish();
  // Whether what comes next belongs to the thought.
  bool thinking() const { return at_ == At::thought; }
  // Whether it belongs to the answer; neither, where that is not clear yet or it is what stands between the two.
  bool answering() const { return at_ == At::answer; }
  bool undecided() const { return at_ == At::start || at_ == At::name; }
  // Whether the thought ends in what may become its end mark.
  bool ending() const;
  // The next "</think" ends the thought, whether a ">" follows or not: it was not the model that wrote it. Where
  // Turn::together is set it gets its ">".
  void expect_end();

 private:
  enum class At : uint8_t {
    start,    // a <think> may come
    thought,
    end,      // a ">" that the model owes, and white space before the answer
    name,     // a space after the speaker's name
    bracket,  // the ">" of a mark that is in the text whole
    mark,     // together: the end mark that is fed
    answer
  };
  bool step(TurnText& out);  // false: more text is needed
  bool read_start();
  bool read_thought(TurnText& out);
  std::string take(size_t bytes);

  At at_ = At::answer;
  bool together_ = false;
  bool fresh_ = false;    // of a thought nothing was seen yet
  bool bracket_ = false;  // a ">" that comes next belongs to the tag
  bool sure_ = false;
  bool spaced_ = false;   // the first space is not the answer's
  std::string held_;
  size_t known_ = 0;      // bytes at its beginning that were in the prompt
  TurnText first_;        // goes out with the first piece
};

}  // namespace fulmar
