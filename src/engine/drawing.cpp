// Fork and join over a step's shares; see drawing.h.
#include "engine/drawing.h"

#include "base/fail.h"

namespace fulmar {
Drawing::Drawing(uint32_t width, uint32_t slots, ThreadPool& team) : width_(width), team_(team) {
  drawing_.reserve(slots);
}

void Drawing::draw(const StepPlan& plan, std::span<float> logits, std::span<const std::unique_ptr<Generation>> slots,
                   uint64_t step) {
  require(logits.size() == plan.picks.size() * size_t{width_}, "{} numbers for {} picks of {}",
          logits.size(), plan.picks.size(), width_);
  drawing_.clear();
  for (uint32_t i = 0; i < plan.shares.size(); ++i) {
    if (plan.shares[i].picks > 0)
      drawing_.push_back(i);
    else
      slots[plan.shares[i].slot]->rest(step);
  }
  auto draw_one = [&](uint32_t i) {
    const StepPlan::Share& share = plan.shares[drawing_[i]];
    slots[share.slot]->draw(logits.subspan(share.first_pick * size_t{width_}, width_), step);
  };
  team_.run(
      static_cast<uint32_t>(drawing_.size()),
      [](void* body, uint32_t i, uint32_t) { (*static_cast<decltype(draw_one)*>(body))(i); }, &draw_one);
}

}  // namespace fulmar
