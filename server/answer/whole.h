// An answer that is complete when it is given, as /apply-template's: taken in parts, and bounded with all others.
#pragma once
#include <string>

#include "answer/row.h"

namespace fulmar::api {

// Throws Error(unavailable) where there is no memory for it because of answers that nobody reads.
void give_whole(const Context& context, const Call& call, std::string body);

}  // namespace fulmar::api
