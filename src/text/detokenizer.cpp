// Turns tokens into text that never splits a UTF-8 character.
#include "base/utf8.h"
#include "text/tokenizer.h"

namespace fulmar {

std::string Detokenizer::push(Token token) {
  pending_.append(tokenizer_->bytes(token));
  return take_utf8(pending_);
}

std::string Detokenizer::finish() {
  std::string text = replace_bad_utf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace fulmar
