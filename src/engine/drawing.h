// Draws a step's tokens, several at once: they are all that stands between a step and the next.
#pragma once
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "engine/generation.h"
#include "engine/scheduler.h"

namespace fulmar {

class Drawing {
 public:
  // `width`: numbers of a pick, as Config::outputs. `team` stays the caller's; steps are of at most `slots` slots.
  Drawing(uint32_t width, uint32_t slots, ThreadPool& team);

  // Lets the request of each share draw from its logits, which are overwritten, or rest where it has none. `requests` by
  // Demand::who.
  void draw(const StepPlan& plan, std::span<const Demand> demands, std::span<float> logits,
            std::span<const std::unique_ptr<Generation>> requests, uint64_t step);

 private:
  const uint32_t width_;
  ThreadPool& team_;
  std::vector<uint32_t> drawing_;  // shares with logits
};

}  // namespace fulmar
