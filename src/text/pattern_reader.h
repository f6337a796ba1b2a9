// What regular expressions and GBNF are read with: characters one after the other, digits, and the sets that \d and its
// like name.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/grammar.h"

namespace fulmar {

class PatternReader {
 public:
  explicit PatternReader(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  std::size_t at() const { return at_; }  // bytes read
  void go_back(std::size_t at) { at_ = at; }
  std::string_view rest() const { return text_.substr(at_); }
  std::string_view read_so_far() const { return text_.substr(0, at_); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(std::string_view what) {
    if (!rest().starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  // The next character; the text is UTF-8 and not done.
  uint32_t character();
  // Exactly so many hexadecimal digits; nothing is read where there are fewer.
  std::optional<uint32_t> hex(int digits);
  // A number of decimal digits; nothing where there is none. At most UINT32_MAX - 1.
  std::optional<uint32_t> number();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string utf8_of(uint32_t code_point);

}  // namespace fulmar
