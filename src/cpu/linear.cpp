// How a Linear is cut into units and which kernels they run.
#include "cpu/linear.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fulmar::cpu {
namespace {

constexpr uint32_t unit_rows = 48;  // units are multiples of this: of every tile_n and every lane count, so
                                    // that results do not depend on where the cuts fall
constexpr uint64_t dot_unit_bytes = 64 << 10;  // claiming a unit costs well below the time to read this
constexpr uint64_t panel_bytes =
    384 << 10;  // of decoded weights: stays in the L2 cache with a block of packed x

uint64_t round_up(uint64_t n, uint64_t to) {
  return (n + to - 1) / to * to;
}

class LinearTask : public Task {
 public:
  LinearTask(const LinearArgs& args, uint32_t threads)
      : a_(args),
        kernels_(linear_kernels()),
        format_(find_kernels(args.format)),
        order_(PanelOrder::of(args.K, sum_classes(args.same_sums))),
        threads_(threads) {
    row_bytes_ =
        format_ ? format_->row_bytes(a_.K) : std::max<uint64_t>(1, info(a_.format).matrix_bytes(1, a_.K));
    const uint64_t panel_row_bytes = uint64_t{order_.blocks()} * panel_stride * 4;
    // At least four units a thread where the matrix is large enough, so that a slow thread holds nobody up.
    const uint64_t fair = std::max<uint64_t>(1, a_.N / (4 * threads));
    dot_rows_ =
        rows_per_unit(std::min(std::max(fair, dot_unit_bytes / row_bytes_), (1 << 20) / row_bytes_ + 1));
    panel_rows_ = rows_per_unit(std::min(fair, panel_bytes / panel_row_bytes));
  }

  uint32_t plan(const Step& step) override {
    rows_ = step.rows_of(a_.picked);
    if (rows_ == 0) return 0;
    unit_n_ = rows_ <= max_dot_rows ? dot_rows_ : panel_rows_;
    return (a_.N + unit_n_ - 1) / unit_n_;
  }

  void run(const Step&, uint32_t unit, float* scratch) override {
    const uint32_t n0 = unit * unit_n_, n1 = std::min(a_.N, n0 + unit_n_);
    if (rows_ > max_dot_rows) {
      panel(n0, n1, scratch);
    } else if (format_) {
      dot(n0, n1, scratch);
    } else {
      dot_generic(n0, n1, scratch);
    }
  }

  // 8 bytes or 32 flops a nanosecond.
  uint64_t work(const Step& step) const override {
    const uint64_t cells = uint64_t{a_.N} * a_.K;
    return std::max(info(a_.format).matrix_bytes(a_.N, a_.K) / 8, cells * step.rows_of(a_.picked) / 16);
  }

  uint64_t scratch_floats() const override {
    const uint64_t dot = uint64_t{max_dot_rows} * dot_rows_ + dot_scratch_floats(a_.K) + (format_ ? 0 : a_.K);
    if (a_.max_rows <= max_dot_rows) return dot;
    return std::max(dot, panel_floats() + uint64_t{panel_n()} * columns(a_.max_rows) +
                             levels() * level_floats() + kernels_.lanes * unit_rows + a_.K);
  }

 private:
  // The rest of a matrix is a unit too; the pool numbers at most 65535 units in a stage of several ops.
  uint32_t rows_per_unit(uint64_t wanted) const {
    const uint64_t least = round_up((a_.N + 4095) / 4096, unit_rows);
    return static_cast<uint32_t>(std::max<uint64_t>({unit_rows, wanted / unit_rows * unit_rows, least}));
  }
  uint32_t panel_n() const { return static_cast<uint32_t>(round_up(panel_rows_, kernels_.tile_n)); }
  uint64_t block_floats() const { return uint64_t{panel_n()} * panel_stride; }
  uint64_t panel_floats() const { return order_.blocks() * block_floats(); }
  // Sums of 1, 2, 4 ... classes that wait for their counterparts, for one tile of rows.
  uint32_t levels() const { return static_cast<uint32_t>(std::countr_zero(order_.classes)); }
  uint64_t level_floats() const { return uint64_t{panel_n()} * 2 * kernels_.lanes; }
  uint64_t columns(uint32_t rows) const { return round_up(rows, kernels_.lanes); }

  void finish(const float* sums, uint32_t t, uint32_t n0, uint32_t count) {
    const uint64_t at = uint64_t{t} * a_.N + n0;
    kernels_.epilogue(sums, count,
                      {a_.bias ? a_.bias + n0 : nullptr, a_.gate ? a_.gate + at : nullptr, a_.y + at, a_.act,
                       a_.accumulate});
  }

  void dot(uint32_t n0, uint32_t n1, float* scratch) {
    float* sums = scratch + dot_scratch_floats(a_.K);
    format_->dot({a_.w, a_.N, a_.K, a_.x, rows_, n0, n1, sums, scratch});
    for (uint32_t t = 0; t < rows_; ++t) finish(sums + uint64_t{t} * (n1 - n0), t, n0, n1 - n0);
  }

  // A format without a kernel of its own: each row is decoded by its header's code, then goes through f32's
  // kernel.
  void dot_generic(uint32_t n0, uint32_t n1, float* scratch) {
    float *row = scratch + dot_scratch_floats(a_.K), *sums = row + a_.K, sum[max_dot_rows];
    for (uint32_t n = n0; n < n1; ++n) {
      info(a_.format).decode_row(a_.w, a_.N, a_.K, n, row);
      kernels_.formats[0].dot(
          {reinterpret_cast<const std::byte*>(row), 1, a_.K, a_.x, rows_, 0, 1, sum, scratch});
      for (uint32_t t = 0; t < rows_; ++t) sums[uint64_t{t} * (n1 - n0) + (n - n0)] = sum[t];
    }
    for (uint32_t t = 0; t < rows_; ++t) finish(sums + uint64_t{t} * (n1 - n0), t, n0, n1 - n0);
  }

  // Rows [n0, n1) decoded to [block][n][panel_stride]; rows up to a whole tile are zero.
  void decode(uint32_t n0, uint32_t n1, float* panel, float* row) {
    const uint32_t padded = static_cast<uint32_t>(round_up(n1 - n0, kernels_.tile_n));
    for (uint32_t n = 0; n < padded; ++n) {
      float* to = panel + uint64_t{n} * panel_stride;
      if (n0 + n >= n1) {
        for (uint32_t b = 0; b < order_.blocks(); ++b) std::memset(to + b * block_floats(), 0, panel_k * 4);
      } else if (order_.classes > 1 && format_ && format_->spread) {
        format_->spread({a_.w, a_.N, a_.K, n0 + n, &order_, to, block_floats()});
      } else if (order_.classes > 1) {
        decode_row(n0 + n, row, panel_k, row);
        kernels_.formats[0].spread(
            {reinterpret_cast<const std::byte*>(row), 1, a_.K, 0, &order_, to, block_floats()});
      } else {
        decode_row(n0 + n, to, block_floats(), row);
      }
    }
  }
  // Row n, each panel_k elements `step` floats after those before. `whole` has room for a row.
  void decode_row(uint32_t n, float* to, uint64_t step, float* whole) {
    if (!format_) info(a_.format).decode_row(a_.w, a_.N, a_.K, n, whole);
    for (uint32_t k0 = 0; k0 < a_.K; k0 += panel_k, to += step) {
      const uint32_t count = std::min(panel_k, a_.K - k0);
      if (format_)
        format_->decode(a_.w, a_.N, a_.K, n, k0, count, to);
      else if (whole + k0 != to)
        std::memcpy(to, whole + k0, count * 4);
    }
  }

  void panel(uint32_t n0, uint32_t n1, float* panel) {
    const uint32_t lanes = kernels_.lanes;
    const uint64_t stride = columns(rows_);
    float* c = panel + panel_floats();  // [n][t]
    float* waiting = c + panel_n() * stride;
    float* sums = waiting + levels() * level_floats();
    decode(n0, n1, panel, sums + lanes * unit_rows);
    // The panel that this thread will probably claim next is fetched while this one is computed with.
    const uint64_t next = std::min<uint64_t>(a_.N, n0 + uint64_t{threads_} * unit_n_);
    Ahead ahead{a_.w + next * row_bytes_, (std::min<uint64_t>(a_.N, next + unit_n_) - next) * row_bytes_};
    for (uint32_t t = 0; t < rows_; t += 2 * lanes) {
      Strip strip{n1 - n0, rows_ - t > lanes, panel, a_.packed + uint64_t{t} * a_.K, c + t, stride, waiting};
      add_up(strip, ahead);
    }
    for (uint32_t t = 0; t < rows_; t += lanes)
      for (uint32_t n = 0; n < n1 - n0; n += unit_rows) {
        const uint32_t count = std::min(unit_rows, n1 - n0 - n);
        for (uint32_t i = 0; i < count; i += lanes)
          kernels_.transpose(c + (n + i) * stride + t, stride, sums + i, unit_rows);
        for (uint32_t i = 0; i < lanes && t + i < rows_; ++i)
          finish(sums + i * unit_rows, t + i, n0 + n, count);
      }
  }

  struct Ahead {
    const std::byte* from;
    uint64_t bytes;
  };
  // A tile's worth of rows of x times a whole panel.
  struct Strip {
    uint32_t n;
    bool wide;
    const float *panel, *x;
    float* c;  // [n][c_stride]
    uint64_t c_stride;
    float* waiting;  // [levels()][n][2 * lanes]
  };

  // Classes are taken in the order in which their sums meet, as a binary counter counts: 0 and half the
  // classes, then a quarter and three quarters, then these two sums, and so on.
  void add_up(const Strip& s, Ahead& ahead) {
    const uint32_t last = levels();
    for (uint32_t turn = 0; turn < order_.classes; ++turn) {
      uint32_t c = 0;
      for (uint32_t bit = 0; bit < last; ++bit) c |= (turn >> bit & 1) << (last - 1 - bit);
      const auto folds = static_cast<uint32_t>(std::countr_one(turn));
      for (uint32_t r = 0; r < order_.runs; ++r) {
        Run run{order_.block(c, r), order_.first(c), c * order_.depth + r * order_.run, order_.count(r),
                r > 0};
        if (r + 1 == order_.runs) run.folds = folds, run.whole = folds == last;
        tiles(s, run, ahead);
      }
    }
    if (order_.tail)
      tiles(s, {order_.blocks() - 1, 0, a_.K - order_.tail, order_.tail, order_.depth > 0}, ahead);
  }

  // `count` neighbouring k of one class, or the tail.
  struct Run {
    uint32_t block, first;  // in the panel
    uint64_t x_first;       // in packed x
    uint32_t count;
    bool go_on;          // with the sums in c
    uint32_t folds = 0;  // sums that this one meets
    bool whole = true;   // the sum goes to c, else it waits
  };
  void tiles(const Strip& s, const Run& run, Ahead& ahead) {
    const uint32_t width = (s.wide ? 2 : 1) * kernels_.lanes;
    const uint64_t row = 2 * uint64_t{kernels_.lanes};
    const float* w = s.panel + run.block * block_floats() + run.first;
    for (uint32_t n = 0; n < s.n; n += kernels_.tile_n) {
      const auto fetch = static_cast<uint32_t>(std::min<uint64_t>(ahead.bytes, run.count / 2 * 64));
      float* waiting = s.waiting + n * row;
      kernels_.tile({w + uint64_t{n} * panel_stride, s.x + run.x_first * width, run.count, s.wide,
                     run.go_on ? s.c + n * s.c_stride : nullptr, s.c_stride, waiting, run.folds,
                     level_floats(), run.whole ? s.c + n * s.c_stride : waiting + run.folds * level_floats(),
                     run.whole ? s.c_stride : row, ahead.from, fetch});
      ahead.from += fetch, ahead.bytes -= fetch;
    }
  }

  LinearArgs a_;
  const LinearKernels& kernels_;
  const FormatKernels* format_;  // null: the generic path
  PanelOrder order_;
  uint32_t threads_, dot_rows_, panel_rows_;
  uint64_t row_bytes_;              // for block formats about
  uint32_t rows_ = 0, unit_n_ = 1;  // of the step at hand
};

// Units are (tile of rows, block of k).
class PackTask : public Task {
 public:
  PackTask(const float* x, uint32_t K, bool picked, bool same_sums, float* packed)
      : x_(x),
        packed_(packed),
        K_(K),
        classes_(sum_classes(same_sums)),
        blocks_((K + panel_k - 1) / panel_k),
        picked_(picked),
        kernels_(linear_kernels()) {}

  uint32_t plan(const Step& step) override {
    rows_ = step.rows_of(picked_);
    if (rows_ <= max_dot_rows) return 0;
    // Long inputs are cut by tile only: the pool counts units in 16 bits.
    const uint32_t tile = 2 * kernels_.lanes, tiles = (rows_ + tile - 1) / tile;
    cuts_ = tiles < 64 ? std::min(blocks_, 16u) : 1;
    return tiles * cuts_;
  }

  void run(const Step&, uint32_t unit, float*) override {
    const uint32_t tile = 2 * kernels_.lanes, t = unit / cuts_ * tile, cut = unit % cuts_;
    const uint32_t b0 = blocks_ * cut / cuts_, b1 = blocks_ * (cut + 1) / cuts_;
    kernels_.pack({x_ + uint64_t{t} * K_, K_, std::min(tile, rows_ - t), uint64_t{b0} * panel_k,
                   std::min<uint64_t>(uint64_t{b1} * panel_k, K_), classes_, packed_ + uint64_t{t} * K_});
  }

  uint64_t work(const Step& step) const override { return uint64_t{step.rows_of(picked_)} * K_; }

 private:
  const float* x_;
  float* packed_;
  uint32_t K_, classes_, blocks_, cuts_ = 1, rows_ = 0;
  bool picked_;
  const LinearKernels& kernels_;
};

}  // namespace

const FormatKernels* find_kernels(Format format) {
  const LinearKernels& k = linear_kernels();
  for (const std::span<const FormatKernels> list : {std::span(k.formats, k.format_count), block_kernels()})
    for (const FormatKernels& kernels : list)
      if (kernels.format == format) return &kernels;
  return nullptr;
}

PanelOrder PanelOrder::of(uint32_t K, uint32_t classes) {
  PanelOrder o;
  o.classes = classes;
  o.depth = K / classes;
  o.tail = K % classes;
  o.runs = (o.depth + panel_k - 1) / panel_k;
  if (o.runs == 0) return o;
  o.run = classes == 1 ? panel_k : static_cast<uint32_t>(round_up((o.depth + o.runs - 1) / o.runs, 16));
  if (classes > 1 && o.runs == 1) o.together = std::min(classes, panel_k / o.run);
  return o;
}

uint32_t sum_classes(bool wanted) {
  const uint32_t lanes = linear_kernels().lanes;
  return wanted || lanes <= 8 ? lanes : 1;
}

std::unique_ptr<Task> make_linear(const LinearArgs& args, uint32_t threads) {
  return std::make_unique<LinearTask>(args, threads);
}

std::unique_ptr<Task> make_pack(const float* x, uint32_t K, bool picked, bool same_sums, float* packed) {
  return std::make_unique<PackTask>(x, K, picked, same_sums, packed);
}

uint64_t packed_floats(uint32_t rows, uint32_t K) {
  return rows <= max_dot_rows ? 0 : round_up(rows, 2 * linear_kernels().lanes) * K;
}

}  // namespace fulmar::cpu
