// Draws a step's tokens and scores prompts', several at once: they are all that stands between a step and the next.
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

  // Lets the request of each share draw from its last row's logits, which are overwritten, or rest where it has none or wants
  // no token; other rows score the tokens of its prompt. `requests` by Demand::who.
  void draw(const StepPlan& plan, std::span<const Demand> demands, std::span<float> logits,
            std::span<const std::unique_ptr<Generation>> requests, uint64_t step);

 private:
  struct Unit {
    uint32_t share, row;  // of as many as each of its slots has
    bool draws;           // a token; else it scores one
  };
  void add_scored(const StepPlan::Share& share, uint32_t number, Generation& one, uint64_t step);

  const uint32_t width_;
  ThreadPool& team_;
  std::vector<Unit> units_;
  std::vector<ScoreMemory> memories_;  // by thread
};

}  // namespace fulmar
