// Fork and join over a step's shares; see drawing.h.
#include "engine/drawing.h"

#include "base/fail.h"
#include "engine/mixture.h"

namespace fulmar {

Drawing::Drawing(uint32_t width, uint32_t slots, ThreadPool& team) : width_(width), team_(team) {
  drawing_.reserve(slots);
}

void Drawing::draw(const StepPlan& plan, std::span<const Demand> demands, std::span<float> logits,
                   std::span<const std::unique_ptr<Generation>> requests, uint64_t step) {
  require(logits.size() == plan.picks.size() * size_t{width_}, "{} numbers for {} picks of {}",
          logits.size(), plan.picks.size(), width_);
  drawing_.clear();
  for (uint32_t i = 0; i < plan.shares.size(); ++i) {
    if (plan.shares[i].picks > 0)
      drawing_.push_back(i);
    else
      requests[demands[plan.shares[i].demand].who]->rest(step);
  }
  auto draw_one = [&](uint32_t i) {
    const StepPlan::Share& share = plan.shares[drawing_[i]];
    Generation& one = *requests[demands[share.demand].who];
    const std::span<float> rows = logits.subspan(share.first_pick * size_t{width_}, share.picks * size_t{width_});
    mix_rows(rows, one.job().request->streams);
    one.draw(rows.first(width_), step);
  };
  team_.run(
      static_cast<uint32_t>(drawing_.size()),
      [](void* body, uint32_t i, uint32_t) { (*static_cast<decltype(draw_one)*>(body))(i); }, &draw_one);
}

}  // namespace fulmar
