// Regular expressions as people write them in JSON Schema's `pattern` and for guided decoding, as parts of a grammar.
#pragma once
#include <functional>
#include <string_view>

#include "text/grammar.h"

namespace fulmar {

// The syntax that ECMAScript, Python and Rust share: characters and escapes (\n \t \r \f \v \0 \xHH \uHHHH \u{H..} \cX
// and surrogate pairs of \u), classes with ranges and \d \D \w \W \s \S inside (ASCII, but \s is ECMAScript's white
// space), `.` (all but line ends), groups ( ), (?: ) and named ones, alternation, * + ? {m} {m,} {m,n} and their lazy
// forms (the same texts), ^ and $ at the ends. Refused by position with Error(bad_request), "... at character 7 ...":
// lookaround, backreferences, \b, \p, flags, ^ and $ in the middle, and what is no regular expression.
struct RegexOptions {
  // The whole text is to match. Otherwise the pattern may match anywhere in it, unless ^ or $ bind it to an end.
  bool whole = true;
  // How a character of a set is written in the answer; empty: as UTF-8. JSON strings escape some.
  std::function<NodeId(GrammarBuilder&, const CodePointSet&)> write;
};

NodeId add_regex(GrammarBuilder& builder, std::string_view pattern, const RegexOptions& options = {});

constexpr std::size_t max_regex_bytes = std::size_t{64} << 10;
constexpr int max_regex_depth = 64;  // of groups

}  // namespace fulmar
