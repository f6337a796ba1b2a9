// `fulmar tokenize`: text to token ids and back.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include "base/fail.h"
#include "base/terminal.h"
#include "commands.h"
#include "model/vocabulary.h"

namespace fulmar::tools {
namespace {

struct TokenizeFlags {
  std::string vocab;
  bool decode = false;
};

std::vector<Token> read_ids(const std::string& text, Token size) {
  std::vector<Token> tokens;
  std::istringstream words(text);
  std::string word;
  while (words >> word) {
    size_t used = 0;
    long id = -1;
    try {
      id = std::stol(word, &used);
    } catch (const std::exception&) {  // reported below
    }
    if (used != word.size() || id < 0 || id >= size)
      fail(ErrorKind::bad_request, "'{}' is not a token id below {}", word, size);
    tokens.push_back(static_cast<Token>(id));
  }
  return tokens;
}

int run_tokenize(const TokenizeFlags& flags) {
  use_binary_streams();
  const auto tokenizer = open_vocabulary(flags.vocab);
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  if (flags.decode) {
    const std::string text = tokenizer->decode(read_ids(input, tokenizer->size()));
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
  }
  std::string line;
  for (const Token token : tokenizer->encode(input)) {
    if (!line.empty()) line += ' ';
    line += std::to_string(token);
  }
  std::printf("%s\n", line.c_str());
  return 0;
}

}  // namespace

void add_tokenize(CommandLine& line) {
  auto flags = std::make_shared<TokenizeFlags>();
  Command command = line.command("tokenize", "Turn text on stdin into token ids, or back");
  command.option("--vocab", flags->vocab,
                 "Vocabulary file (World text, tokenizer.json, or a GGUF model that carries one), or "
                 "'bytes'; by default the World vocabulary that comes with the program");
  command.flag("--decode", flags->decode, "Read ids and write the text they stand for");
  command.runs([flags] { return run_tokenize(*flags); });
}

}  // namespace fulmar::tools
