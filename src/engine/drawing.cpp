// Fork and join over a step's shares; see drawing.h.
#include "engine/drawing.h"

#include <algorithm>

#include "base/fail.h"
#include "base/platform.h"

namespace fulmar {
namespace {

// More threads than this wait for memory: a row of logits is some 256 KiB, read once.
constexpr uint32_t enough = 8;
constexpr std::chrono::microseconds sleep_at_once(0);  // the next draw is a step away

uint32_t team_size(uint32_t threads, uint32_t slots) {
  return std::min({threads ? threads : usable_cores(), slots, enough});
}

}  // namespace

Drawing::Drawing(uint32_t vocab, uint32_t threads, uint32_t slots)
    : vocab_(vocab), team_(team_size(threads, slots), sleep_at_once) {
  drawing_.reserve(slots);
}

void Drawing::draw(const StepPlan& plan, std::span<float> logits, std::span<const std::unique_ptr<Generation>> slots,
                   uint64_t step) {
  require(logits.size() == plan.picks.size() * size_t{vocab_}, "{} logits for {} picks of {} tokens",
          logits.size(), plan.picks.size(), vocab_);
  drawing_.clear();
  for (uint32_t i = 0; i < plan.shares.size(); ++i) {
    if (plan.shares[i].picks > 0)
      drawing_.push_back(i);
    else
      slots[plan.shares[i].slot]->rest(step);
  }
  auto draw_one = [&](uint32_t i) {
    const StepPlan::Share& share = plan.shares[drawing_[i]];
    slots[share.slot]->draw(logits.subspan(share.first_pick * size_t{vocab_}, vocab_), step);
  };
  team_.run(
      static_cast<uint32_t>(drawing_.size()),
      [](void* body, uint32_t i, uint32_t) { (*static_cast<decltype(draw_one)*>(body))(i); }, &draw_one);
}

}  // namespace fulmar
