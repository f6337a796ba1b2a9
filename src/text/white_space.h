// White space around turns, thoughts, calls and what is in them.
#pragma once
#include <cstddef>
#include <string_view>

namespace fulmar {

inline constexpr std::string_view white = " \t\r\n";

// What is held back at most; what follows more of it is text like any other. A model may write nothing else for as long as it
// likes, and every token reads what is held back again.
inline constexpr std::size_t most_white = 256;

}  // namespace fulmar
