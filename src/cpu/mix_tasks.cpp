// The recurrences: rows of a segment one after another, segments and heads (or channels) side by side.
#include <algorithm>

#include "cpu/tasks.h"

namespace fulmar::cpu {
namespace {

constexpr uint32_t most_mix_units = 1024;

// Units are (segment, block of channels).
class Mix4Task : public Task {
 public:
  explicit Mix4Task(const Mix4Args& args) : a_(args), blocks_((args.A + block - 1) / block) {}
  uint32_t plan(const Step& step) override {
    parts_ = Parts::of(static_cast<uint32_t>(step.segments.size()) * blocks_, 1, most_mix_units);
    return parts_.parts;
  }
  void run(const Step& step, uint32_t unit, float*) override {
    for (uint32_t i = parts_.begin(unit); i < parts_.end(unit); ++i) {
      const ops::Segment& s = step.segments[i / blocks_];
      const uint32_t c = i % blocks_ * block, count = std::min(block, a_.A - c);
      float* aa = a_.states.at(s, a_.state) + c;
      for (uint64_t t = s.first; t < s.first + s.rows; ++t) {
        const uint64_t at = t * a_.A + c;
        kernels_.mix4(a_.r + at, a_.k + at, a_.v + at, a_.decay + c, a_.first + c, aa, aa + a_.A,
                      aa + 2 * uint64_t{a_.A}, count, a_.y + at);
      }
    }
  }
  uint64_t work(const Step& step) const override { return uint64_t{step.rows} * a_.A * 2; }

 private:
  static constexpr uint32_t block = 256;
  Mix4Args a_;
  uint32_t blocks_;
  Parts parts_;
  const ChannelKernels& kernels_ = channel_kernels();
};

// What Mix6 and Mix7 share: units are runs of (segment, head) pairs.
class HeadTask : public Task {
 public:
  HeadTask(const States& states, uint32_t state, uint32_t heads, uint32_t N)
      : states_(states), state_(state), heads_(heads), N_(N) {}

  uint32_t plan(const Step& step) override {
    parts_ = Parts::of(static_cast<uint32_t>(step.segments.size()) * heads_, 1, most_mix_units);
    return parts_.parts;
  }
  void run(const Step& step, uint32_t unit, float* scratch) override {
    for (uint32_t i = parts_.begin(unit); i < parts_.end(unit); ++i) {
      const ops::Segment& s = step.segments[i / heads_];
      const uint32_t c = i % heads_ * N_;
      float* S = states_.at(s, state_) + uint64_t{c} * N_;
      for (uint64_t t = s.first; t < s.first + s.rows; ++t) row(c, t * heads_ * N_ + c, S, scratch);
    }
  }
  uint64_t work(const Step& step) const override { return uint64_t{step.rows} * heads_ * N_ * N_ / 8; }

 protected:
  // The row of the head that begins at channel c; its values begin `at` floats into their buffers.
  virtual void row(uint32_t c, uint64_t at, float* S, float* scratch) = 0;

  States states_;
  uint32_t state_, heads_, N_;
  Parts parts_;
  const ChannelKernels& kernels_ = channel_kernels();
};

HeadNorm norm_at(const HeadNorm& norm, uint32_t c) {
  return {norm.weight + c, norm.bias + c, norm.eps};
}

class Mix6Task : public HeadTask {
 public:
  explicit Mix6Task(const Mix6Args& a) : HeadTask(a.states, a.state, a.heads, a.row.N), a_(a) {}

 private:
  void row(uint32_t c, uint64_t at, float* S, float*) override {
    const Mix6Row& m = a_.row;
    kernels_.mix6({m.r + at, m.k + at, m.v + at, m.w + (a_.fixed_decay ? c : at), m.u + c,
                   m.g ? m.g + at : nullptr, S, m.y + at, m.N, norm_at(m.norm, c)});
  }
  Mix6Args a_;
};

class Mix7Task : public HeadTask {
 public:
  explicit Mix7Task(const Mix7Args& a) : HeadTask(a.states, a.state, a.heads, a.row.N), a_(a) {}
  uint64_t scratch_floats() const override { return 4 * uint64_t{N_}; }

 private:
  void row(uint32_t c, uint64_t at, float* S, float* scratch) override {
    const Mix7Row& m = a_.row;
    kernels_.mix7({m.r + at, m.w + at, m.k + at, m.v + at, m.a + at, m.g + at,
                   m.v_first ? m.v_first + at : nullptr, m.v_gate ? m.v_gate + at : nullptr, m.k_k + c,
                   m.k_a + c, m.r_k + c, S, m.y + at, m.N, norm_at(m.norm, c), scratch});
  }
  Mix7Args a_;
};

}  // namespace

std::unique_ptr<Task> make_mix4(const Mix4Args& args) {
  return std::make_unique<Mix4Task>(args);
}
std::unique_ptr<Task> make_mix6(const Mix6Args& args) {
  return std::make_unique<Mix6Task>(args);
}
std::unique_ptr<Task> make_mix7(const Mix7Args& args) {
  return std::make_unique<Mix7Task>(args);
}

}  // namespace fulmar::cpu
