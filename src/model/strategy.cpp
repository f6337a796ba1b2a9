// The strategy grammar: DEVICE[:K] PRECISION [*N[+]], joined by "->".
#include "model/strategy.h"

#include <algorithm>
#include <charconv>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar {
namespace {

constexpr std::string_view bases[] = {"fp32", "fp16", "bf16"};

bool is_base(Format format) {
  return format == Format::f32 || format == Format::f16 || format == Format::bf16;
}

std::string grammar() {
  std::string formats;
  for (const Format format : matrix_formats())
    if (!is_base(format) && !info(format).precision.empty())
      formats += fmt::format("{}{}", formats.empty() ? "" : ", ", info(format).precision);
  return fmt::format(
      "write DEVICE PRECISION [*N[+]], several joined by '->', for example 'vulkan fp16', 'vulkan:1 fp16i8 "
      "*20 -> cpu fp32' or 'vulkan fp16 *10+', or 'auto' with or without a precision; devices are vulkan[:K], cuda[:K] and cpu; precisions are "
      "fp32, fp16 and bf16, alone or followed by a format for the large matrices ({}); *N is a number of "
      "layers, and + streams those that remain",
      formats);
}

struct Word {
  std::string_view text;
  size_t at;  // in the strategy
};

// Blanks separate words; "->" is one of its own and "*" begins one.
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  bool open = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      open = false;
    } else if (text.substr(i, 2) == "->") {
      words.push_back({text.substr(i, 2), i});
      ++i;
      open = false;
    } else if (open && c != '*') {
      words.back().text = text.substr(words.back().at, i + 1 - words.back().at);
    } else {
      words.push_back({text.substr(i, 1), i});
      open = true;
    }
  }
  return words;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), words_(words_of(text)) {}

  Strategy run() {
    Strategy strategy{std::string(text_), {}};
    if (words_.empty()) return strategy;
    if (lower_ascii(words_[0].text) == "auto") {
      StrategyPart any;
      if (words_.size() > 1) read_precision(words_[1], any);
      if (words_.size() > 2) wrong(words_[2], "was not expected here");
      strategy.precision = any.precision;
      return strategy;
    }
    for (;;) {
      strategy.parts.push_back(part());
      if (next_ == words_.size()) return strategy;
      if (words_[next_].text != "->") wrong(words_[next_], "was not expected here");
      ++next_;
    }
  }

 private:
  [[noreturn]] void wrong(const Word& word, std::string_view what) const {
    fail(ErrorKind::misuse, "strategy '{}': '{}' (character {}) {}; {}", text_, word.text, word.at + 1, what,
         grammar());
  }

  const Word* peek() const {
    return next_ < words_.size() && words_[next_].text != "->" ? &words_[next_] : nullptr;
  }

  StrategyPart part() {
    StrategyPart out;
    const Word* word = peek();
    if (!word) {
      if (next_ < words_.size()) wrong(words_[next_], "has no device in front of it");
      wrong(words_.back(), "has no device behind it");
    }
    read_device(*word, out);
    ++next_;
    if (word = peek(); word && !word->text.starts_with('*')) {
      read_precision(*word, out);
      ++next_;
    }
    if (word = peek(); word && word->text.starts_with('*')) {
      read_layers(*word, out);
      ++next_;
    }
    return out;
  }

  void read_device(const Word& word, StrategyPart& out) const {
    const std::string text = lower_ascii(word.text);
    const size_t colon = text.find(':');
    out.device = text.substr(0, colon);
    if (out.device == "mps" || out.device == "dml") wrong(word, "is no interface of this program, which reaches GPUs as vulkan");
    if (out.device != "vulkan" && out.device != "cuda" && out.device != "cpu")
      wrong(word, "is an unknown device");
    if (colon != text.npos && !read_number(std::string_view(text).substr(colon + 1), out.index))
      wrong(word, "has no device number behind the colon");
  }

  void read_precision(const Word& word, StrategyPart& out) const {
    out.precision = lower_ascii(word.text);
    std::string_view rest = out.precision;
    for (const std::string_view base : bases)
      if (rest.starts_with(base)) {
        if (base != "fp32") out.base = format_of_precision(base);
        rest = rest.substr(base.size());
        if (rest.empty()) return;
        break;
      }
    if (rest == "i3") wrong(word, "asks for 3 bits, which no format here has: write i4, or i8");
    if (rest == "i4") {  // as other programs call four bits
      out.precision.replace(out.precision.size() - rest.size(), rest.size(), "nf4");
      rest = std::string_view(out.precision).substr(out.precision.size() - 3);
    }
    out.matrices = format_of_precision(rest);
    if (!out.matrices || is_base(*out.matrices)) wrong(word, "is an unknown precision");
  }

  void read_layers(const Word& word, StrategyPart& out) const {
    std::string_view digits = word.text.substr(1);
    out.streams = digits.ends_with('+');
    if (out.streams) digits.remove_suffix(1);
    uint32_t layers = 0;
    if (!read_number(digits, layers)) wrong(word, "is not a number of layers such as *10 or *10+");
    out.layers = layers;
  }

  static bool read_number(std::string_view digits, uint32_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size();
  }

  const std::string_view text_;
  const std::vector<Word> words_;
  size_t next_ = 0;
};

}  // namespace

Strategy parse_strategy(std::string_view text) {
  return Parser(text).run();
}

std::string to_string(const Strategy& strategy) {
  if (strategy.parts.empty()) return strategy.precision.empty() ? "auto" : "auto " + strategy.precision;
  std::string out;
  for (const StrategyPart& part : strategy.parts) {
    if (!out.empty()) out += " -> ";
    out += part.device;
    if (part.device != "cpu") out += fmt::format(":{}", part.index);
    if (!part.precision.empty()) out += " " + part.precision;
    if (part.layers) out += fmt::format(" *{}{}", *part.layers, part.streams ? "+" : "");
  }
  return out;
}

std::vector<Share> share_units(const std::vector<StrategyPart>& parts, uint32_t units) {
  std::vector<Share> shares(parts.size());
  uint32_t left = units, uncounted = 0;
  std::optional<size_t> streaming;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].layers) {
      ++uncounted;
      continue;
    }
    if (parts[i].streams) streaming = i;
    const uint32_t taken = std::min(*parts[i].layers, left);
    shares[i] = {taken, taken};
    left -= taken;
    if (left == 0) return shares;
  }
  if (streaming) {
    shares[*streaming].units += left;
    return shares;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].layers) continue;
    const uint32_t taken = left / uncounted--;
    shares[i] = {taken, taken};
    left -= taken;
  }
  if (!shares.empty()) shares.back() = {shares.back().units + left, shares.back().resident + left};
  return shares;
}

Format choose_format(const StrategyPart& part, std::string_view name, Format stored, uint32_t cols) {
  const Format own = info(stored).encode_row ? stored : Format::f32;
  const bool large = name.ends_with(".weight") && !name.ends_with("att.value.weight");
  if (part.matrices && large && cols % info(*part.matrices).block == 0) return *part.matrices;
  return part.base.value_or(own);
}

ops::Activations activations(const StrategyPart& part) {
  return part.precision.starts_with("fp32") ? ops::Activations::f32 : ops::Activations::by_format;
}

ops::Activations parse_activations(std::string_view word) {
  using ops::Activations;
  if (word == "f32") return Activations::f32;
  if (word == "i16") return Activations::i16;
  if (word == "i8") return Activations::i8;
  fail(ErrorKind::misuse, "activations '{}' are unknown: write f32, i16 or i8", word);
}

bool half_inputs(const StrategyPart& part, Format stored) {
  if (part.precision.starts_with("fp32")) return false;
  return part.base || info(stored).scalar_bytes == 2;
}

}  // namespace fulmar
