// Norm, Shift (alone or with the norm before it) and Pick.
#include <algorithm>
#include <optional>

#include "cpu/tasks.h"

namespace fulmar::cpu {
namespace {

constexpr uint32_t most_row_units = 64;
// Rows a unit should have at least: 32 KiB of input.
uint32_t least_rows(uint32_t C) {
  return 8192 / std::max(C, 1u) + 1;
}

class NormTask : public Task {
 public:
  explicit NormTask(const NormArgs& args) : a_(args) {}
  uint32_t plan(const Step& step) override {
    parts_ = Parts::of(step.rows_of(a_.picked), least_rows(a_.C), most_row_units);
    return parts_.parts;
  }
  void run(const Step&, uint32_t unit, float*) override {
    for (uint64_t t = parts_.begin(unit); t < parts_.end(unit); ++t)
      kernels_.norm(a_.x + t * a_.C, a_.weight, a_.bias, a_.eps, a_.C, a_.y + t * a_.C);
  }
  uint64_t work(const Step& step) const override { return uint64_t{step.rows_of(a_.picked)} * a_.C / 4; }

 private:
  NormArgs a_;
  Parts parts_;
  const ChannelKernels& kernels_ = channel_kernels();
};

// Units are runs of rows. A segment's carry is read and written by the unit that has the segment's first row,
// which looks at the segment's last row of x for that (and normalises it once more): no unit waits for
// another.
class ShiftTask : public Task {
 public:
  ShiftTask(const ShiftArgs& args, std::optional<NormArgs> norm) : a_(args), norm_(norm) {}

  uint32_t plan(const Step& step) override {
    parts_ = Parts::of(step.rows, least_rows(a_.C), most_row_units);
    return parts_.parts;
  }

  void run(const Step& step, uint32_t unit, float* scratch) override {
    for (const ops::Segment& s : step.segments) {
      const uint32_t begin = std::max(s.first, parts_.begin(unit)),
                     end = std::min(s.first + s.rows, parts_.end(unit));
      if (begin >= end) continue;
      float* carry = a_.states.at(s, a_.carry);
      float *even = scratch, *odd = scratch + a_.C;
      const float* prev = begin == s.first ? carry : row(begin - 1, odd);
      for (uint32_t t = begin; t < end; ++t) {
        const float* x = row(t, even);
        ShiftOutput outputs[6];
        for (uint32_t i = 0; i < a_.count; ++i) {
          const ShiftOutput& o = a_.outputs[i];
          const uint64_t at = uint64_t{t} * a_.C;
          outputs[i] = {o.mix, o.delta ? o.delta + at : nullptr, o.y + at};
        }
        kernels_.shift(x, prev, a_.C, outputs, a_.count);
        prev = x;
        std::swap(even, odd);
      }
      if (begin != s.first || a_.peek) continue;
      const uint32_t last = s.first + s.rows - 1;
      std::copy_n(end == last + 1 ? prev : row(last, even), a_.C, carry);
    }
  }

  uint64_t work(const Step& step) const override {
    return uint64_t{step.rows} * a_.C * (a_.count + (norm_ ? 3 : 1)) / 12;
  }
  uint64_t scratch_floats() const override { return norm_ ? 2 * uint64_t{a_.C} : 0; }

 private:
  // Row t of the shift's input; a fused norm writes it to `to`.
  const float* row(uint64_t t, float* to) const {
    if (!norm_) return a_.x + t * a_.C;
    kernels_.norm(norm_->x + t * a_.C, norm_->weight, norm_->bias, norm_->eps, a_.C, to);
    return to;
  }

  ShiftArgs a_;
  std::optional<NormArgs> norm_;
  Parts parts_;
  const ChannelKernels& kernels_ = channel_kernels();
};

class PickTask : public Task {
 public:
  PickTask(const float* x, float* y, uint32_t C) : x_(x), y_(y), C_(C) {}
  uint32_t plan(const Step& step) override { return step.picks.empty() ? 0 : 1; }
  void run(const Step& step, uint32_t, float*) override {
    for (size_t p = 0; p < step.picks.size(); ++p)
      std::copy_n(x_ + uint64_t{step.picks[p]} * C_, C_, y_ + p * C_);
  }
  uint64_t work(const Step& step) const override { return step.picks.size() * C_ / 4; }

 private:
  const float* x_;
  float* y_;
  uint32_t C_;
};

}  // namespace

std::unique_ptr<Task> make_norm(const NormArgs& args) {
  return std::make_unique<NormTask>(args);
}
std::unique_ptr<Task> make_shift(const ShiftArgs& args) {
  return std::make_unique<ShiftTask>(args, std::nullopt);
}
std::unique_ptr<Task> make_norm_shift(const NormArgs& norm, const ShiftArgs& shift) {
  return std::make_unique<ShiftTask>(shift, norm);
}
std::unique_ptr<Task> make_pick(const float* x, float* y, uint32_t C) {
  return std::make_unique<PickTask>(x, y, C);
}

}  // namespace fulmar::cpu
