// The text that Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/histogram.h"

namespace fulmar::api {

struct Label {
  std::string_view name, value;
};
using Labels = std::initializer_list<Label>;

// One metric after another, each with all of its samples.
class Exposition {
 public:
  // `type`: "counter", "gauge" or "histogram". A metric without samples is left out.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value);
  void sample(Labels labels, uint64_t value);
  void sample(Labels labels, const HistogramValues& values);

  std::string take() { return std::move(out_); }

 private:
  void put_head();
  void put_name(std::string_view suffix, Labels labels, std::string_view le = {});

  std::string out_, name_, head_;
};

constexpr std::string_view exposition_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace fulmar::api
