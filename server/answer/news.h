// What of one choice's events is neither thought nor text, until it is taken: calls of tools, and scores.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fulmar/event.h"
#include "fulmar/request.h"

namespace fulmar::api {

class News {
 public:
  // How many bytes it is; with or without scores, and the tokens that were drawn.
  size_t add(const Event& event, bool with_scores, bool with_tokens);
  // All that is new, but of the scores only those that are at most so many bytes; the rest stays.
  News take(size_t bytes);
  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  size_t capacity() const { return bytes_; }
  // Those of which there is something new, with all of that. Of an answer in one piece: all, whole.
  std::span<const ToolCall> calls() const { return calls_; }
  std::span<const ToolCall> whole_calls() const;  // without the last one where the answer ended within it
  std::span<const Token> turn() const { return turn_; }  // Event::turn
  // The same as pieces of these.
  std::vector<CallPiece> pieces() const;
  ScoreRows scores() const { return {cells_, width_}; }
  std::span<const Token> tokens() const { return tokens_; }

 private:
  uint32_t first_ = 0;  // number of calls_[0]
  std::vector<ToolCall> calls_;
  std::vector<TokenScore> cells_;
  uint32_t width_ = 0;
  std::vector<Token> turn_;
  std::vector<Token> tokens_;
  size_t bytes_ = 0;
};

}  // namespace fulmar::api
