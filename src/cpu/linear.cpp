// How a Linear is cut into units and which kernels they run.
#include "cpu/linear.h"

#include <algorithm>
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

const FormatKernels* find_kernels(Format format) {
  const LinearKernels& k = linear_kernels();
  for (const std::span<const FormatKernels> list : {std::span(k.formats, k.format_count), block_kernels()})
    for (const FormatKernels& kernels : list)
      if (kernels.format == format) return &kernels;
  return nullptr;
}

class LinearTask : public Task {
 public:
  LinearTask(const LinearArgs& args, uint32_t threads)
      : a_(args), kernels_(linear_kernels()), format_(find_kernels(args.format)), threads_(threads) {
    row_bytes_ =
        format_ ? format_->row_bytes(a_.K) : std::max<uint64_t>(1, info(a_.format).matrix_bytes(1, a_.K));
    blocks_ = (a_.K + panel_k - 1) / panel_k;
    const uint64_t panel_row_bytes = uint64_t{blocks_} * panel_stride * 4;
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
    return std::max(
        dot, panel_floats() + uint64_t{panel_n()} * columns(a_.max_rows) + unit_rows + (format_ ? 0 : a_.K));
  }

 private:
  // The rest of a matrix is a unit too; the pool numbers at most 65535 units in a stage of several ops.
  uint32_t rows_per_unit(uint64_t wanted) const {
    const uint64_t least = round_up((a_.N + 4095) / 4096, unit_rows);
    return static_cast<uint32_t>(std::max<uint64_t>({unit_rows, wanted / unit_rows * unit_rows, least}));
  }
  uint32_t panel_n() const { return static_cast<uint32_t>(round_up(panel_rows_, kernels_.tile_n)); }
  uint64_t panel_floats() const { return uint64_t{blocks_} * panel_n() * panel_stride; }
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

  // Rows [n0, n1) decoded to [block of k][n][panel_stride]; rows up to a whole tile are zero.
  void decode(uint32_t n0, uint32_t n1, float* panel, float* row_scratch) {
    const uint32_t padded = static_cast<uint32_t>(round_up(n1 - n0, kernels_.tile_n));
    for (uint32_t n = 0; n < padded; ++n) {
      if (n0 + n < n1 && !format_) info(a_.format).decode_row(a_.w, a_.N, a_.K, n0 + n, row_scratch);
      for (uint32_t b = 0; b < blocks_; ++b) {
        const uint32_t k0 = b * panel_k, count = std::min(panel_k, a_.K - k0);
        float* to = panel + (uint64_t{b} * panel_n() + n) * panel_stride;
        if (n0 + n >= n1) {
          std::memset(to, 0, count * 4);
        } else if (format_) {
          format_->decode(a_.w, a_.N, a_.K, n0 + n, k0, count, to);
        } else {
          std::memcpy(to, row_scratch + k0, count * 4);
        }
      }
    }
  }

  void panel(uint32_t n0, uint32_t n1, float* panel) {
    const uint32_t lanes = kernels_.lanes;
    const uint64_t stride = columns(rows_);
    float* c = panel + panel_floats();  // [n][t]
    float* sums = c + panel_n() * stride;
    decode(n0, n1, panel, sums + unit_rows);
    // The panel that this thread will probably claim next is fetched while this one is computed with.
    const uint64_t next = std::min<uint64_t>(a_.N, n0 + uint64_t{threads_} * unit_n_);
    uint64_t left = (std::min<uint64_t>(a_.N, next + unit_n_) - next) * row_bytes_;
    const std::byte* ahead = a_.w + next * row_bytes_;
    for (uint32_t t = 0; t < rows_; t += 2 * lanes) {
      const bool wide = rows_ - t > lanes;
      const uint32_t width = wide ? 2 * lanes : lanes;
      for (uint32_t b = 0; b < blocks_; ++b) {
        const uint32_t k0 = b * panel_k, count = std::min(panel_k, a_.K - k0);
        const float* x = a_.packed + uint64_t{t} * a_.K + uint64_t{k0} * width;
        for (uint32_t n = 0; n < n1 - n0; n += kernels_.tile_n) {
          const uint32_t fetch = static_cast<uint32_t>(std::min<uint64_t>(left, panel_ahead));
          kernels_.tile({panel + (uint64_t{b} * panel_n() + n) * panel_stride, x, count, wide, b > 0,
                         c + n * stride + t, stride, ahead, fetch});
          ahead += fetch, left -= fetch;
        }
      }
    }
    for (uint32_t t = 0; t < rows_; ++t)
      for (uint32_t n = 0; n < n1 - n0; n += unit_rows) {
        const uint32_t count = std::min(unit_rows, n1 - n0 - n);
        for (uint32_t i = 0; i < count; ++i) sums[i] = c[(n + i) * stride + t];
        finish(sums, t, n0 + n, count);
      }
  }

  LinearArgs a_;
  const LinearKernels& kernels_;
  const FormatKernels* format_;  // null: the generic path
  uint32_t threads_, blocks_, dot_rows_, panel_rows_;
  uint64_t row_bytes_;              // for block formats about
  uint32_t rows_ = 0, unit_n_ = 1;  // of the step at hand
};

// Units are (tile of rows, block of k).
class PackTask : public Task {
 public:
  PackTask(const float* x, uint32_t K, bool picked, float* packed)
      : x_(x),
        packed_(packed),
        K_(K),
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
    kernels_.pack(x_ + uint64_t{t} * K_, K_, std::min(tile, rows_ - t), uint64_t{b0} * panel_k,
                  std::min<uint64_t>(uint64_t{b1} * panel_k, K_), packed_ + uint64_t{t} * K_);
  }

  uint64_t work(const Step& step) const override { return uint64_t{step.rows_of(picked_)} * K_; }

 private:
  const float* x_;
  float* packed_;
  uint32_t K_, blocks_, cuts_ = 1, rows_ = 0;
  bool picked_;
  const LinearKernels& kernels_;
};

}  // namespace

std::unique_ptr<Task> make_linear(const LinearArgs& args, uint32_t threads) {
  return std::make_unique<LinearTask>(args, threads);
}

std::unique_ptr<Task> make_pack(const float* x, uint32_t K, bool picked, float* packed) {
  return std::make_unique<PackTask>(x, K, picked, packed);
}

uint64_t packed_floats(uint32_t rows, uint32_t K) {
  return rows <= max_dot_rows ? 0 : round_up(rows, 2 * linear_kernels().lanes) * K;
}

}  // namespace fulmar::cpu
