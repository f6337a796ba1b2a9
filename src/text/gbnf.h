// GBNF, the notation of llama.cpp's grammars, as a grammar.
#pragma once
#include <string_view>

#include "text/grammar.h"

namespace fulmar {

// Rules `name ::= ...`, of which "root" is the text's: "literals" and [classes] with \n \r \t \\ \" \[ \] \xHH \uHHHH
// \UHHHHHHHH, `.` (any character), rule names, ( ), |, * + ? {m} {m,} {m,n} {,n}, and # comments. A rule goes on over line
// ends until another one begins. Throws Error(bad_request), "line 3, column 7: ...".
Grammar parse_gbnf(std::string_view text);

constexpr std::size_t max_gbnf_bytes = std::size_t{256} << 10;
constexpr int max_gbnf_depth = 64;  // of parentheses

}  // namespace fulmar
