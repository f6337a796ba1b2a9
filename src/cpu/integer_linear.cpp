// How a Linear by integers is cut into units, and how those go through k; see integer_linear.h.
#include "cpu/integer_linear.h"

#include <algorithm>
#include <bit>

#include "cpu/arranged.h"
#include "cpu/integer_kernels.h"

namespace fulmar::cpu {
namespace {

constexpr uint64_t integer_unit_bytes = 64 << 10;  // of W: claiming a unit costs well below the time to read this
constexpr uint32_t few_rows = 32;                  // so many rows of x leave room in the L1 cache
constexpr uint32_t groups_together = 3;            // that many rows of x meet while they are in the cache

bool is_wide(ops::Activations inputs) {
  return inputs == ops::Activations::i16;
}

// A panel: what is unpacked of a group at a time.
struct Panel {
  alignas(64) uint8_t codes[panel_blocks * block_code_bytes];
  alignas(64) float scales[panel_blocks * 2 * group_rows], offsets[panel_blocks * 2 * group_rows];
};

class IntegerLinear : public Task {
 public:
  IntegerLinear(const LinearArgs& args, ops::Activations inputs, uint32_t threads)
      : a_(args),
        unpacker_(find_unpacker(args.format)),
        wide_(is_wide(inputs)),
        products_(integer_kernels().products[wide_][unpacker_.halves]),
        group_bytes_(group_bytes(args.format, args.K, group_rows)),
        groups_((args.N + group_rows - 1) / group_rows) {
    const uint64_t fair = std::max<uint64_t>(1, groups_ / (4 * threads));
    // The pool numbers at most 65535 units in a stage of several ops.
    const uint64_t least = std::max<uint64_t>(1, (groups_ + 4095) / 4096);
    const uint64_t wanted = std::max(fair, integer_unit_bytes / group_bytes_);
    unit_groups_ = static_cast<uint32_t>(std::max(std::min(wanted, (1 << 20) / group_bytes_ + 1), least));
    if (a_.max_rows > few_rows) unit_groups_ = static_cast<uint32_t>(round_up(unit_groups_, groups_together));
  }

  uint32_t plan(const Step& step) override {
    rows_ = step.rows_of(a_.picked);
    return rows_ == 0 ? 0 : (groups_ + unit_groups_ - 1) / unit_groups_;
  }

  void run(const Step&, uint32_t unit, float* scratch) override {
    const uint32_t end = std::min(groups_, (unit + 1) * unit_groups_);
    const uint32_t together = rows_ > few_rows ? groups_together : 1;
    for (uint32_t g = unit * unit_groups_; g < end;) {
      // Groups of a bundle go through k side by side. A last one that is not whole is alone.
      const uint32_t whole = a_.N / group_rows;
      const uint32_t count = g < whole ? std::min({together, end - g, whole - g}) : 1;
      bundle(g, count, scratch);
      g += count;
    }
  }

  // 8 bytes or 64 flops a nanosecond.
  uint64_t work(const Step& step) const override {
    return std::max(groups_ * group_bytes_ / 8, uint64_t{a_.N} * a_.K * step.rows_of(a_.picked) / 32);
  }

  uint64_t scratch_floats() const override {
    const uint64_t tail = a_.N % group_rows ? group_bytes_ / 4 + 16 : 0;
    return (sizeof(Panel) * groups_together + 64) / 4 + sums_stride * uint64_t{padded_rows(a_.max_rows)} + tail;
  }

 private:
  static constexpr uint64_t sums_stride = groups_together * group_rows;  // floats from one row of x to the next
  static uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

  void bundle(uint32_t g0, uint32_t count, float* scratch) {
    auto* panels = reinterpret_cast<Panel*>(
        std::bit_cast<std::byte*>(round_up(std::bit_cast<uintptr_t>(scratch), alignof(Panel))));
    float* sums = reinterpret_cast<float*>(panels + groups_together);
    const uint64_t padded = padded_rows(rows_);
    std::fill_n(sums, sums_stride * padded, 0.0f);
    const std::byte* groups = a_.w + g0 * group_bytes_;
    if (const uint32_t rows = a_.N - g0 * group_rows; rows < group_rows) {
      auto* widened = reinterpret_cast<std::byte*>(sums + sums_stride * padded_rows(a_.max_rows));
      widen(a_.format, a_.K, rows, groups, widened);
      groups = widened;
    }
    const uint32_t blocks = a_.K / input_block;
    for (uint32_t first = 0; first < blocks; first += panel_blocks) {
      const uint32_t depth = std::min(panel_blocks, blocks - first);
      for (uint32_t g = 0; g < count; ++g)
        unpacker_.unpack({groups + g * group_bytes_, a_.K, first, depth, panels[g].codes, panels[g].scales,
                          panels[g].offsets});
      for (uint32_t t = 0; t < rows_; t += strip_rows) {
        const uint32_t width = strip_width(std::min(strip_rows, rows_ - t));
        const uint64_t block_bytes = strip_block_bytes(width, wide_);
        const std::byte* x = rounded() + uint64_t{t} * blocks * strip_block_bytes(1, wide_) + first * block_bytes;
        for (uint32_t g = 0; g < count; ++g) {
          const Panel& panel = panels[g];
          const uint8_t* codes =
              unpacker_.bytes ? reinterpret_cast<const uint8_t*>(groups + g * group_bytes_) + first * block_code_bytes
                              : panel.codes;
          products_[width / 4]({codes, panel.scales, panel.offsets, depth, x,
                                sums + t * sums_stride + g * group_rows, sums_stride});
        }
      }
    }
    const uint32_t n0 = g0 * group_rows, n = std::min(count * group_rows, a_.N - n0);
    for (uint32_t t = 0; t < rows_; ++t) {
      const uint64_t at = uint64_t{t} * a_.N + n0;
      linear_kernels().epilogue(sums + t * sums_stride, n,
                                {a_.bias ? a_.bias + n0 : nullptr, a_.gate ? a_.gate + at : nullptr, a_.y + at,
                                 a_.act, a_.accumulate});
    }
  }

  const std::byte* rounded() const { return reinterpret_cast<const std::byte*>(a_.packed); }

  LinearArgs a_;
  const Unpacker& unpacker_;
  bool wide_;
  const Product* products_;  // by width / 4
  uint64_t group_bytes_;
  uint32_t groups_, unit_groups_ = 1;
  uint32_t rows_ = 0;  // of the step at hand
};

// Units are strips.
class RoundingTask : public Task {
 public:
  RoundingTask(const float* x, uint32_t K, bool picked, bool wide, float* rounded)
      : x_(x), rounded_(reinterpret_cast<std::byte*>(rounded)), K_(K), picked_(picked), wide_(wide) {}

  uint32_t plan(const Step& step) override {
    rows_ = step.rows_of(picked_);
    return (rows_ + strip_rows - 1) / strip_rows;
  }
  void run(const Step&, uint32_t unit, float*) override {
    const uint32_t t = unit * strip_rows, rows = std::min(strip_rows, rows_ - t);
    integer_kernels().round[wide_]({x_ + uint64_t{t} * K_, K_, rows, strip_width(rows),
                                    rounded_ + uint64_t{t} * (K_ / input_block) * strip_block_bytes(1, wide_)});
  }
  uint64_t work(const Step& step) const override { return uint64_t{step.rows_of(picked_)} * K_ / 2; }

 private:
  const float* x_;
  std::byte* rounded_;
  uint32_t K_, rows_ = 0;
  bool picked_, wide_;
};

}  // namespace

std::unique_ptr<Task> make_integer_linear(const LinearArgs& args, ops::Activations inputs, uint32_t threads) {
  return std::make_unique<IntegerLinear>(args, inputs, threads);
}

std::unique_ptr<Task> make_rounding(const float* x, uint32_t K, bool picked, ops::Activations to, float* rounded) {
  return std::make_unique<RoundingTask>(x, K, picked, is_wide(to), rounded);
}

uint64_t rounded_floats(uint32_t rows, uint32_t K, ops::Activations to) {
  return padded_rows(rows) * uint64_t{K / input_block} * strip_block_bytes(1, is_wide(to)) / 4;
}

}  // namespace fulmar::cpu
