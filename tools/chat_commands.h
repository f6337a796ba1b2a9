// What begins with a slash in a conversation in the terminal: /save, /retry and their kin.
#pragma once
#include <optional>
#include <string>

#include "conversation.h"

namespace fulmar::tools {

enum class Next : uint8_t { line, quit };  // what follows

struct Reaction {
  Next next = Next::line;
  std::optional<Question> question;  // to be asked of the model
  bool anew = false;                 // which had it before: with another seed
};

// Of one line, which may change how the answers that follow are drawn. What it says goes to stderr. Throws Error for a command that there is none of, or that cannot be done.
Reaction react(Conversation& conversation, SamplingFlags& sampling, const std::string& line);

}  // namespace fulmar::tools
