// Reads one string literal of Python, as vocabulary files spell their tokens.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace fulmar {

// Parses the literal at the front of `source`: '...' or "...", with an optional b (bytes) or u before the
// quote. Appends its bytes (a str's as UTF-8) to `out` and answers how many characters of `source` it took.
// Throws std::invalid_argument saying what is wrong. As in Python, a backslash before a letter that means
// nothing stays.
std::size_t parse_python_literal(std::string_view source, std::string& out);

}  // namespace fulmar
