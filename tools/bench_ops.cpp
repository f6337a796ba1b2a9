// Summing op times by kind; see bench_ops.h.
#include "bench_ops.h"

#include <fmt/format.h>

#include <algorithm>

namespace fulmar::tools {

ops::Cost step_cost(const ops::Tape& tape, const ops::BatchShape& shape) {
  ops::Cost sum;
  for (const ops::Op& op : tape.ops) {
    if (shape.picks == 0 && std::holds_alternative<ops::Pick>(op)) break;
    const ops::Cost cost = ops::cost(tape, op, shape);
    sum.weight_bytes += cost.weight_bytes;
    sum.activation_bytes += cost.activation_bytes;
    sum.state_bytes += cost.state_bytes;
    sum.flops += cost.flops;
  }
  return sum;
}

// "linear f16 [4096,1024]"; a launch that computed several ops is called by all their kinds.
std::string OpTable::kind(const ops::OpTime& run) const {
  std::vector<std::string> names;
  for (uint32_t i = run.first_op; i < run.first_op + run.ops; ++i) {
    std::string name(ops::name(tape_.ops[i]));
    if (const auto* linear = std::get_if<ops::Linear>(&tape_.ops[i])) {
      const ops::Weight& w = tape_.weights[linear->weight];
      name += fmt::format(" {} [{},{}]", info(w.format).name, w.rows, w.cols);
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return fmt::format("{}", fmt::join(names, " + "));
}

void OpTable::add(const ops::BatchShape& shape, const std::vector<ops::OpTime>& times) {
  for (const ops::OpTime& run : times) {
    Sum& sum = sums_[kind(run)];
    ++sum.launches;
    sum.seconds += run.seconds;
    for (uint32_t i = run.first_op; i < run.first_op + run.ops; ++i)
      sum.bytes += ops::cost(tape_, tape_.ops[i], shape).bytes();
  }
}

void OpTable::print(const std::string& title, uint32_t repeats, double memory) const {
  std::vector<std::pair<std::string, Sum>> rows(sums_.begin(), sums_.end());
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  double all = 0;
  size_t width = 24;
  for (const auto& [name, sum] : rows) {
    all += sum.seconds;
    width = std::max(width, name.size());
  }
  fmt::print("\n{:<{}} {:>9} {:>10} {:>7} {:>10} {:>9} {:>9}\n", title, width, "launches", "ms", "share",
             "MiB", "GB/s", "of memory");
  for (const auto& [name, sum] : rows) {
    const double bytes = static_cast<double>(sum.bytes), seconds = std::max(sum.seconds, 1e-12);
    fmt::print("{:<{}} {:>9} {:>10.3f} {:>6.1f}% {:>10.2f} {:>9.2f} {:>8.1f}%\n", name, width,
               sum.launches / repeats, sum.seconds / repeats * 1e3, 100 * seconds / std::max(all, 1e-12),
               bytes / repeats / (1 << 20), bytes / seconds / 1e9, 100 * bytes / seconds / memory);
  }
}

}  // namespace fulmar::tools
