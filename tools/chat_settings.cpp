// The table of values that can be set.
#include "chat_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/fail.h"

namespace fulmar::tools {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double most_integer = std::numeric_limits<int32_t>::max();

struct Number {
  std::string_view name;
  std::optional<float> SamplingFlags::*value;
  double least, most;
};
constexpr Number numbers[] = {
    {"temperature", &SamplingFlags::temperature, 0, infinity},
    {"top-p", &SamplingFlags::top_p, 0, 1},
    {"min-p", &SamplingFlags::min_p, 0, 1},
    {"presence-penalty", &SamplingFlags::presence_penalty, -infinity, infinity},
    {"frequency-penalty", &SamplingFlags::frequency_penalty, -infinity, infinity},
    {"penalty-decay", &SamplingFlags::penalty_decay, 0, 1},
    {"repetition-penalty", &SamplingFlags::repetition_penalty, 0, infinity},
};
constexpr std::string_view others[] = {"top-k", "max-tokens", "seed", "penalty-rule"};

[[noreturn]] void refuse_value(std::string_view name, std::string_view value, std::string_view wanted) {
  fail(ErrorKind::bad_request, "/set {}: {} is not {}", name, value, wanted);
}

template <typename T>
T read(std::string_view name, std::string_view value, double least, double most) {
  T number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const auto read_as = static_cast<double>(number);
  if (error != std::errc() || end != value.data() + value.size() || !(read_as >= least && read_as <= most) ||
      !std::isfinite(read_as))
    refuse_value(name, value, most == infinity ? (least == 0 ? "a number from 0 up" : "a number")
                                               : fmt::format("a number from {} to {}", least, most));
  return number;
}

PenaltyRule rule_of(std::string_view value) {
  std::string words;
  for (const auto& [word, rule] : penalty_rules) {
    if (word == value) return rule;
    words.append(words.empty() ? "" : ", ").append(word);
  }
  refuse_value("penalty-rule", value, "one of " + words);
}

std::string known_names() {
  std::string names;
  for (const Number& number : numbers) names.append(number.name).append(", ");
  for (const std::string_view name : others) names.append(name).append(", ");
  names.resize(names.size() - 2);
  return names;
}

void set_other(SamplingFlags& flags, std::string_view name, std::string_view value, bool usual) {
  if (name == "top-k")
    flags.top_k = usual ? std::nullopt : std::optional(read<int32_t>(name, value, 0, most_integer));
  else if (name == "max-tokens")
    flags.max_tokens = usual ? SamplingFlags().max_tokens : read<uint32_t>(name, value, 0, most_integer);
  else if (name == "seed")
    flags.seed = usual ? std::nullopt : std::optional(read<uint64_t>(name, value, 0, infinity));
  else if (name == "penalty-rule")
    flags.rule = usual ? std::nullopt : std::optional(rule_of(value));
  else
    fail(ErrorKind::bad_request, "/set has no {}; there are {}", name, known_names());
}

}  // namespace

std::string set_value(SamplingFlags& flags, std::string_view words) {
  const size_t end = std::min(words.find_first_of(white), words.size());
  std::string name(words.substr(0, end));
  std::ranges::replace(name, '_', '-');
  const size_t begin = words.find_first_not_of(white, end);
  if (begin == words.npos) fail(ErrorKind::bad_request, "/set {} needs a value, or the word default", name);
  const std::string_view value = words.substr(begin);
  const bool usual = value == "default";
  if (const auto* number = std::ranges::find(numbers, name, &Number::name); number != std::end(numbers))
    flags.*number->value = usual ? std::nullopt : std::optional(read<float>(name, value, number->least, number->most));
  else
    set_other(flags, name, value, usual);
  return fmt::format("{} is {} from here on", name, value);
}

}  // namespace fulmar::tools
