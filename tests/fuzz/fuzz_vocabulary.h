// What a program does with a vocabulary file: reads it, encodes texts with it and decodes them.
#pragma once
#include <string>
#include <vector>

#include "base/utf8.h"
#include "fuzz.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace fulmar::fuzz {

inline int use_vocabulary(std::string_view file) {
  refusing([&] {
    const auto tokenizer = parse_tokenizer(file, "fuzz");
    const auto there_and_back = [&](std::string_view text) {
      const std::string back = tokenizer->decode(tokenizer->encode(text));
      if (back != text && compose_nfc(back) != compose_nfc(text))
        fail(ErrorKind::internal, "a text of {} bytes came back as {}", text.size(), back.size());
    };
    // The file's own bytes are the texts most likely to hold its tokens.
    constexpr std::size_t most = 4096;
    refusing([&] { there_and_back(file.substr(0, most)); });
    refusing([&] { there_and_back("It's e\xcc\x81 12\n\n  <|endoftext|> \xff\xe4\xb8"); });
    std::vector<Token> tokens;
    for (Token token = -1; token <= tokenizer->size() && tokens.size() < most; ++token)
      tokens.push_back(token);
    Detokenizer detokenizer(tokenizer);
    std::string streamed;
    for (const Token token : tokens) streamed += detokenizer.push(token);
    streamed += detokenizer.finish();
    if (streamed != replace_bad_utf8(tokenizer->decode(tokens)))
      fail(ErrorKind::internal, "tokens streamed differ from tokens decoded at once");
  });
  return 0;
}

}  // namespace fulmar::fuzz
