// Fork and join over a step's shares; see drawing.h.
#include "engine/drawing.h"

#include "base/fail.h"
#include "engine/mixture.h"

namespace fulmar {

Drawing::Drawing(uint32_t width, uint32_t slots, ThreadPool& team)
    : width_(width), team_(team), memories_(team.threads()) {
  units_.reserve(slots);
}

// The last row predicts what comes after the prompt, so there is nothing to score.
void Drawing::add_scored(const StepPlan::Share& share, uint32_t number, Generation& one, uint64_t step) {
  one.expect_scores(share.rows);
  for (uint32_t row = 0; row < share.rows; ++row)
    if (one.scores(row)) units_.push_back({number, row, false});
  if (one.draws_next())
    units_.push_back({number, share.rows - 1, true});
  else
    one.rest(step);
}

void Drawing::draw(const StepPlan& plan, std::span<const Demand> demands, std::span<float> logits,
                   std::span<const std::unique_ptr<Generation>> requests, uint64_t step) {
  require(logits.size() == plan.picks.size() * size_t{width_}, "{} numbers for {} picks of {}",
          logits.size(), plan.picks.size(), width_);
  units_.clear();
  for (uint32_t i = 0; i < plan.shares.size(); ++i) {
    const Demand& demand = demands[plan.shares[i].demand];
    if (demand.want == Want::all)
      add_scored(plan.shares[i], i, *requests[demand.who], step);
    else if (plan.shares[i].picks > 0)
      units_.push_back({i, 0, true});
    else
      requests[demand.who]->rest(step);
  }
  auto do_one = [&](uint32_t i, uint32_t thread) {
    const Unit& unit = units_[i];
    const StepPlan::Share& share = plan.shares[unit.share];
    Generation& one = *requests[demands[share.demand].who];
    const std::span<float> rows = logits.subspan(share.first_pick * size_t{width_}, share.picks * size_t{width_});
    const size_t first = unit.row * size_t{width_};
    mix_rows(rows, one.job().request->streams, first, width_);
    if (unit.draws)
      one.draw(rows.subspan(first, width_), step);
    else
      one.score(unit.row, rows.subspan(first, width_), memories_[thread]);
  };
  team_.run(
      static_cast<uint32_t>(units_.size()),
      [](void* body, uint32_t i, uint32_t thread) { (*static_cast<decltype(do_one)*>(body))(i, thread); }, &do_one);
  for (const StepPlan::Share& share : plan.shares)
    if (demands[share.demand].want == Want::all) requests[demands[share.demand].who]->check_scores();
}

}  // namespace fulmar
