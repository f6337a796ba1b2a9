// Prompts of random lengths; see dataset.h.
#include "dataset.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "dice.h"

namespace fulmar::load {
namespace {

// Words as the vocabulary has them, a blank in front: between two of these no longer token hides, so that as many words
// are as many tokens. A vocabulary without any gets letters.
std::vector<std::string> words_of(const Tokenizer& tokenizer) {
  constexpr size_t fewest = 16;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  std::vector<std::string> words;
  for (Token token = 0; token < tokenizer.size(); ++token) {
    const std::string_view bytes = tokenizer.bytes(token);
    if (bytes.size() > 2 && bytes[0] == ' ' && std::all_of(bytes.begin() + 1, bytes.end(), is_letter)) words.emplace_back(bytes);
  }
  if (words.size() >= fewest) return words;
  words.clear();
  for (char letter = 'a'; letter <= 'z'; ++letter) words.emplace_back(1, letter);
  return words;
}

// Of a text without end, as much as has `tokens`; a character that was cut is left out.
Prompt cut(const Tokenizer& tokenizer, std::string text, uint32_t tokens) {
  std::vector<Token> all = tokenizer.encode(text);
  if (all.size() > tokens) {
    all.resize(tokens);
    text = tokenizer.decode(all);
    text.resize(scan_utf8(text).valid);
    all = tokenizer.encode(text);
  }
  return {std::move(text), static_cast<uint32_t>(all.size()), 0};
}

Prompt made_up(const Tokenizer& tokenizer, const std::vector<std::string>& words, uint32_t tokens, Dice& dice) {
  std::string text;
  for (uint32_t i = 0; i < tokens; ++i) text += words[dice.below(words.size())];
  // Byte pairs, or words of letters, may have made fewer tokens of it.
  for (size_t made = tokenizer.encode(text).size(); made < tokens; made = tokenizer.encode(text).size())
    for (size_t i = made; i < tokens; ++i) text += words[dice.below(words.size())];
  return cut(tokenizer, std::move(text), tokens);
}

Prompt repeated(const Tokenizer& tokenizer, const Prompt& source, uint32_t tokens) {
  std::string text = source.text;
  for (uint32_t made = source.input_tokens; made < tokens; made += source.input_tokens) text += source.text;
  return cut(tokenizer, std::move(text), tokens);
}

}  // namespace

std::vector<Prompt> random_prompts(const Tokenizer& tokenizer, const RandomLengths& lengths, const std::string& file,
                                   size_t count, uint64_t seed) {
  Dice dice(seed);
  const auto length = [&](uint32_t most) {
    return static_cast<uint32_t>(dice.between(static_cast<uint64_t>(std::max(1.0, std::floor(most * lengths.range_ratio))), most));
  };
  std::vector<Prompt> sources;
  std::vector<std::string> words;
  if (file.empty()) {
    words = words_of(tokenizer);
  } else {
    sources = sharegpt_prompts(tokenizer, file, 1, count, seed);
  }
  std::vector<Prompt> prompts;
  prompts.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t input = length(lengths.input), output = length(lengths.output);
    prompts.push_back(file.empty() ? made_up(tokenizer, words, input, dice) : repeated(tokenizer, sources[i % sources.size()], input));
    prompts.back().output_tokens = output;
  }
  return prompts;
}

}  // namespace fulmar::load
