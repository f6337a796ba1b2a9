// Experts: the gates of a row from its scores, then the gated hidden numbers of every expert and their sum.
#include <algorithm>
#include <cmath>

#include "cpu/tasks.h"

namespace fulmar::cpu {
namespace {

constexpr uint32_t most_expert_units = 64;

// Units are runs of rows.
class ExpertsTask : public Task {
 public:
  explicit ExpertsTask(const ExpertsArgs& args) : a_(args) {}

  uint32_t plan(const Step& step) override {
    parts_ = Parts::of(step.rows, 1, most_expert_units);
    return parts_.parts;
  }

  void run(const Step&, uint32_t unit, float*) override {
    for (uint64_t t = parts_.begin(unit); t < parts_.end(unit); ++t) {
      float gates[ops::Experts::most];
      find_gates(a_.scores + t * a_.scores_width, gates);
      float* k = a_.k + t * a_.F;
      for (uint32_t first = 0; first < a_.F; first += block) {
        const uint32_t count = std::min(block, a_.F - first);
        float sum[block] = {};
        for (uint32_t e = 0; e < a_.count; ++e)
          add_expert(k + first, a_.h[e] + t * a_.F + first, gates[e], count, sum);
        std::copy_n(sum, count, k + first);
      }
    }
  }

  uint64_t work(const Step& step) const override { return uint64_t{step.rows} * a_.F * a_.count / 4; }

 private:
  static constexpr uint32_t block = 256;

  static void add_expert(const float* k, float* h, float gate, uint32_t count, float* sum) {
    for (uint32_t i = 0; i < count; ++i) {
      const float hidden = std::max(k[i] + h[i], 0.0f);
      h[i] = gate * hidden * hidden;
      sum[i] += h[i];
    }
  }

  void find_gates(const float* scores, float* gates) const {
    const auto score = [&](uint32_t e) { return e == 0 ? 0.0f : scores[e - 1]; };
    float top = 0.0f, sum = 0.0f;
    for (uint32_t e = 1; e < a_.count; ++e) top = std::max(top, score(e));
    for (uint32_t e = 0; e < a_.count; ++e) {
      uint32_t before = 0;  // experts that are picked before this one
      for (uint32_t o = 0; o < a_.count; ++o)
        before += score(o) > score(e) || (score(o) == score(e) && o < e);
      gates[e] = before < a_.active ? std::exp(score(e) - top) : 0.0f;
      sum += gates[e];
    }
    for (uint32_t e = 0; e < a_.count; ++e) gates[e] /= sum;
  }

  ExpertsArgs a_;
  Parts parts_;
};

}  // namespace

std::unique_ptr<Task> make_experts(const ExpertsArgs& args) {
  return std::make_unique<ExpertsTask>(args);
}

}  // namespace fulmar::cpu
