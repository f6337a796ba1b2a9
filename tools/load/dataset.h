// What is asked: prompts with lengths in tokens, made up or from a file of conversations.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace fulmar::load {

struct Prompt {
  std::string text;
  uint32_t input_tokens = 0, output_tokens = 0;  // it has, and it asks for
};

struct RandomLengths {
  uint32_t input = 1024, output = 128;  // at most
  double range_ratio = 0;               // at least this share of that, and 1
};

// Texts of words of the vocabulary, or, where `file` is given, of its prompts in turn, cut or repeated to the length. Throws
// Error(bad_file) for the file.
std::vector<Prompt> random_prompts(const Tokenizer& tokenizer, const RandomLengths& lengths, const std::string& file,
                                   size_t count, uint64_t seed);

// Conversations in ShareGPT's form, [{"conversations": [{"value": TEXT}, ...]}, ...]: the first turn is the prompt, and the
// second one's length is what is asked for, unless `output_tokens` says another. In random order and at most `count`; left
// out are prompts of less than 4 or more than 1024 tokens, and where the length is the file's, answers of less than 4
// tokens and pairs of more than 2048. Throws Error(bad_file), also where there is none.
std::vector<Prompt> sharegpt_prompts(const Tokenizer& tokenizer, const std::string& file,
                                     std::optional<uint32_t> output_tokens, size_t count, uint64_t seed);

// The elements of a text that is a JSON array, as they stand there; a line each where it is JSON lines. The elements
// themselves are not checked. Throws Error(bad_file) naming `name`.
std::vector<std::string_view> json_elements(std::string_view text, const std::string& name);

}  // namespace fulmar::load
