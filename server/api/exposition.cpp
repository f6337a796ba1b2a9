// Names, labels and numbers, a sample a line.
#include "api/exposition.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace fulmar::api {
namespace {

void put_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

// Shortest, as it was written: 0.1 and not 0.10000000000000001.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  head_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Exposition::put_head() {
  out_ += head_;
  head_.clear();
}

void Exposition::put_name(std::string_view suffix, Labels labels, std::string_view le) {
  out_ += name_;
  out_ += suffix;
  char open = '{';
  const auto put = [&](std::string_view name, std::string_view value) {
    out_ += open;
    out_ += name;
    out_ += "=\"";
    put_escaped(out_, value);
    out_ += '"';
    open = ',';
  };
  for (const Label& label : labels) put(label.name, label.value);
  if (!le.empty()) put("le", le);
  if (open == ',') out_ += '}';
  out_ += ' ';
}

void Exposition::sample(Labels labels, double value) {
  put_head();
  put_name({}, labels);
  out_ += number(value);
  out_ += '\n';
}

void Exposition::sample(Labels labels, uint64_t value) {
  put_head();
  put_name({}, labels);
  fmt::format_to(std::back_inserter(out_), "{}\n", value);
}

void Exposition::sample(Labels labels, const HistogramValues& values) {
  put_head();
  uint64_t below = 0;
  for (size_t i = 0; i < values.counts.size(); ++i) {
    below += values.counts[i];
    put_name("_bucket", labels, i < values.bounds.size() ? number(values.bounds[i]) : "+Inf");
    fmt::format_to(std::back_inserter(out_), "{}\n", below);
  }
  put_name("_sum", labels);
  out_ += number(values.sum);
  out_ += '\n';
  put_name("_count", labels);
  fmt::format_to(std::back_inserter(out_), "{}\n", below);
}

}  // namespace fulmar::api
