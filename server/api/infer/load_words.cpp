// Tables of words, and escapes read one by one.
#include "api/infer/load_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "answer/json.h"

namespace fulmar::api::infer {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

struct Word {
  std::string_view theirs, ours;
};

// One that is called int8 there has 8 bits here.
constexpr Word strategies[] = {
    {"bf16", "auto bf16"},     {"fp16", "auto fp16"},   {"int8", "auto fp16i8"}, {"fp16i8", "auto fp16i8"}, {"bf16i8", "auto bf16i8"},
    {"fp8", "auto fp16fp8"},   {"fp6", "auto fp16fp6"}, {"fp5", "auto fp16fp5"}, {"nf4", "auto fp16nf4"},
};

constexpr std::string_view modes[] = {"lora", "dora", "bone", "disha", "pissa", "mole", "hybrid", "auto"};

struct Escape {
  char letter, meaning;
};
constexpr Escape escapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'},  {'\\', '\\'}, {'\'', '\''},
                              {'"', '"'},  {'a', '\a'}, {'b', '\b'}, {'f', '\f'},  {'v', '\v'}};

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
  const auto more = [&](uint32_t bits) { byte(0x80 | (bits & 0x3f)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    more(code >> 6);
  } else {
    byte(0xf0 | code >> 18);
    more(code >> 12);
    more(code >> 6);
  }
  more(code);
}

// Digits of a code: as many as are needed, or up to `most` of base 8.
uint32_t read_code(std::string_view digits, int base) {
  uint32_t code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
  return error == std::errc() && end == digits.data() + digits.size() ? code : UINT32_MAX;
}

size_t hex_digits(char letter) {
  return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

}  // namespace

std::string strategy_of(std::string_view word) {
  if (word.find_first_of(" >:*") != word.npos) return std::string(word);
  const std::string wanted = lower(word);
  if (wanted == "auto" || wanted == "cpu" || wanted == "vulkan" || wanted == "cuda") return wanted;
  std::vector<std::string_view> words;
  for (const Word& one : strategies) {
    if (one.theirs == wanted) return std::string(one.ours);
    words.push_back(one.theirs);
  }
  bad_field("model_strategy", fmt::format("is none that is known: {}, or a strategy such as 'vulkan fp16i8'", fmt::join(words, ", ")));
}

std::string adapter_mode_of(std::string_view word) {
  const std::string wanted = lower(word);
  if (std::ranges::find(modes, wanted) != std::end(modes)) return wanted;
  for (const std::string_view mode : {"hybrid", "bone", "lora"})
    if (wanted.find(mode) != wanted.npos) return std::string(mode);
  bad_field("adapter_mode", fmt::format("is none that is known: {}", fmt::join(modes, ", ")));
}

std::string unescaped(std::string_view text, std::string_view field) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    if (at + 1 == text.size()) bad_field(field, "ends in a backslash that escapes nothing; write it twice");
    const char letter = text[at + 1];
    if (const auto escape = std::ranges::find(escapes, letter, &Escape::letter); escape != std::end(escapes)) {
      out += escape->meaning;
      at += 2;
    } else if (letter == '\n') {
      at += 2;
    } else if (is_octal(letter)) {
      size_t end = at + 1;
      while (end < text.size() && end < at + 4 && is_octal(text[end])) ++end;
      append_utf8(out, read_code(text.substr(at + 1, end - at - 1), 8));
      at = end;
    } else if (const size_t digits = hex_digits(letter); digits > 0) {
      const std::string_view code_text = text.substr(at + 2, digits);
      const uint32_t code = code_text.size() == digits ? read_code(code_text, 16) : UINT32_MAX;
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        bad_field(field, fmt::format("has an escape at byte {} that is no character: \\{} takes {} digits of base 16", at, letter, digits));
      append_utf8(out, code);
      at += 2 + digits;
    } else if (letter == 'N') {
      bad_field(field, fmt::format("has \\N at byte {}; write the character itself, or its number as \\u000a", at));
    } else {
      out += text[at++];  // what is no escape stays, with its backslash
    }
  }
  return out;
}

}  // namespace fulmar::api::infer
