// The strategy grammar: DEVICE[:N] PRECISION.
#include "engine/strategy.h"

#include <charconv>
#include <sstream>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr std::string_view grammar =
    "write 'DEVICE PRECISION', for example 'vulkan fp16', 'vulkan:1 fp16i8' or 'cpu fp32'; devices are "
    "vulkan, cuda and "
    "cpu, precisions fp32, fp16 and bf16, alone or followed by a format for the large matrices (i8)";

bool is_scalar(Format format) {
  return info(format).scalar_bytes != 0;
}

void parse_device(std::string_view word, std::string_view text, Strategy& strategy) {
  const size_t colon = word.find(':');
  strategy.device = word.substr(0, colon);
  if (strategy.device != "vulkan" && strategy.device != "cuda" && strategy.device != "cpu")
    fail(ErrorKind::misuse, "strategy '{}': unknown device '{}'; {}", text, word, grammar);
  if (colon == word.npos) return;
  const std::string_view number = word.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), strategy.index);
  if (error != std::errc() || end != number.data() + number.size())
    fail(ErrorKind::misuse, "strategy '{}': '{}' is not a device number; {}", text, number, grammar);
}

void parse_precision(std::string_view word, std::string_view text, Strategy& strategy) {
  strategy.precision = word;
  std::string_view rest = word;
  for (const std::string_view base : {"fp32", "fp16", "bf16"})
    if (word.starts_with(base)) {
      if (base != "fp32") strategy.base = format_of_precision(base);
      rest = word.substr(base.size());
      if (rest.empty()) return;
    }
  const auto format = format_of_precision(rest);
  if (!format || is_scalar(*format))
    fail(ErrorKind::misuse, "strategy '{}': unknown precision '{}'; {}", text, word, grammar);
  strategy.matrices = format;
}

}  // namespace

Strategy parse_strategy(std::string_view text) {
  Strategy strategy;
  std::istringstream words{std::string(text)};
  std::string word;
  if (!(words >> word)) return strategy;
  parse_device(word, text, strategy);
  if (words >> word && !word.starts_with('*') && word != "->") {
    parse_precision(word, text, strategy);
    words >> word;
  }
  if (words && (word.starts_with('*') || word == "->"))
    fail(ErrorKind::unsupported,
         "strategy '{}': layers over several devices and streamed layers are not supported; {}", text,
         grammar);
  if (words) fail(ErrorKind::misuse, "strategy '{}': unexpected '{}'; {}", text, word, grammar);
  return strategy;
}

Format choose_format(const Strategy& strategy, std::string_view name, Format stored, uint32_t cols) {
  const Format own = info(stored).encode_row ? stored : Format::f32;
  const bool large = name.ends_with(".weight") && !name.ends_with("att.value.weight");
  if (strategy.matrices && large && cols % info(*strategy.matrices).block == 0) return *strategy.matrices;
  return strategy.base.value_or(own);
}

bool half_inputs(const Strategy& strategy, Format stored) {
  if (strategy.precision.starts_with("fp32")) return false;
  return strategy.base || info(stored).scalar_bytes == 2;
}

}  // namespace fulmar
