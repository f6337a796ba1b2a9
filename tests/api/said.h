// What a dialect is told of an answer, and what it makes of that with the parts that chance and the clock choose taken out.
#pragma once
#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>

#include "answer/dialect.h"

namespace fulmar::test {

inline api::Said said_text(std::string_view thought, std::string_view text) {
  return {0, thought, text, {}, {}, Finish::none, {}};
}

inline void say(api::Dialect& dialect, const api::Said& said, std::string& out) {
  dialect.say({&said, 1}, out);
}

// An answer in one piece, as the server puts it together.
inline std::string whole(api::Dialect& dialect, std::string_view thought, std::string_view text, const api::Ending& ending,
                         const api::Usage& usage) {
  std::string out;
  dialect.begin_whole(out);
  dialect.begin_choice(0, {!thought.empty(), !text.empty(), !ending.calls.empty()}, out);
  out += thought;
  if (!thought.empty()) dialect.end_thought(out);
  out += text;
  dialect.end_choice(0, ending, out);
  dialect.end_whole(usage, out);
  return out;
}

// "X" in place of the letters and digits behind each `mark`, and of the characters of `more` among them.
inline std::string without(const std::string& text, std::string_view mark, std::string_view more = {}) {
  const auto chosen = [more](char c) { return std::isalnum(static_cast<unsigned char>(c)) || more.find(c) != more.npos; };
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (!std::string_view(text).substr(at).starts_with(mark)) {
      out += text[at++];
      continue;
    }
    out.append(mark).append("X");
    for (at += mark.size(); at < text.size() && chosen(text[at]);) ++at;
  }
  return out;
}

}  // namespace fulmar::test
