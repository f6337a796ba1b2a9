// Reads the turn that the chat template opened: what the model writes becomes the answer's text.
#pragma once
#include <string>
#include <string_view>

#include "fulmar/request.h"

namespace fulmar {

// Undoes the opening (see TurnOpening), however the text is cut into pieces. Thoughts stay in the text, as
// whole <think> elements. What else a model writes beside its answer, calls of tools, is to be read here too.
class TurnReader {
 public:
  explicit TurnReader(TurnOpening opening) : opening_(opening) {}
  // What of the answer this piece of the model's text completes.
  std::string push(std::string_view piece);

 private:
  TurnOpening opening_;
  bool begun_ = false, bracket_ = false;  // bracket: the ">" of a faked thought came
};

}  // namespace fulmar
