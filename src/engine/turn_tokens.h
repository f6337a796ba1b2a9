// Which tokens a turn is made of, and where they are: seen by the slots' states, or still to be fed.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace fulmar {

struct TurnTokens {
  std::vector<Token> turn;    // what the turn adds to its text: the prompt, and the answer up to its end
  // Where true, the slots have seen what the request began from and then `fed`. Else they have seen a part of a stop
  // string too, and `fed` is empty: with `from_snapshot` the snapshot's states count, else those that it began from.
  bool from_slots = true, from_snapshot = false;
  std::vector<Token> fed;
  std::vector<Token> unfed;  // still to be fed after those
};

// An answer's tokens, and where in its text each begins, so that the text before a stop string is tokens again.
class SaidTokens {
 public:
  void add(Token token, std::string_view piece) {
    begins_.push_back(static_cast<uint32_t>(text_.size()));
    tokens_.push_back(token);
    text_ += piece;
  }
  const std::vector<Token>& tokens() const { return tokens_; }
  // Whether what is behind the first `bytes` bytes begins in the last token.
  bool begins_in_last(size_t bytes) const {
    return !tokens_.empty() && bytes < text_.size() && begins_.back() <= bytes;
  }
  // Those whose text ends within the first `bytes` bytes, and in `rest` what the one after them has before that place.
  std::span<const Token> before(size_t bytes, std::string_view& rest) const {
    size_t count = 0;
    while (count < tokens_.size() && begins_[count] < bytes) ++count;
    rest = {};
    if (count > 0 && (count < begins_.size() ? begins_[count] : text_.size()) > bytes) {
      --count;
      rest = std::string_view(text_).substr(begins_[count], bytes - begins_[count]);
    }
    return std::span(tokens_).first(count);
  }

 private:
  std::vector<Token> tokens_;
  std::vector<uint32_t> begins_;
  std::string text_;
};

}  // namespace fulmar
