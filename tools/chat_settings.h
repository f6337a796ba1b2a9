// What `/set NAME VALUE` changes in a conversation: how the answers that follow are drawn.
#pragma once
#include <string>
#include <string_view>

#include "ask.h"

namespace fulmar::tools {

inline constexpr std::string_view white = " \t\r";  // between the words of a line

// `words`: a sampling flag's name without its dashes, and a value of it, or "default" for what the profile has. Answers what
// holds from now on. Throws Error(bad_request) for a name that there is none of and a value that it cannot have.
std::string set_value(SamplingFlags& flags, std::string_view words);

}  // namespace fulmar::tools
