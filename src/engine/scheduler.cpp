// Decode rows first, then an even split of the rest among the prompts.
#include "engine/scheduler.h"

#include <algorithm>

namespace fulmar {
namespace {

void add_segment(StepPlan& plan, const Demand& demand, uint32_t rows, uint32_t max_picks) {
  const auto first_pick = static_cast<uint32_t>(plan.picks.size());
  const bool ends = rows == demand.rows;  // all it has: the last row predicts the next token
  if (demand.want == Want::last && ends && first_pick == max_picks) --rows;
  if (rows == 0) return;
  const bool picked = demand.want == Want::last && rows == demand.rows;
  plan.segments.push_back({demand.slot, plan.rows, rows, demand.decode});
  plan.shares.push_back({demand.slot, first_pick, picked ? 1u : 0u});
  plan.rows += rows;
  if (picked) plan.picks.push_back(plan.rows - 1);
}

// The largest share s with sum(min(rows_i, s)) <= left over all prompts, and in `extra` what remains of `left` then:
// less than one row for each prompt that wants more than s. Every round settles a prompt or ends.
uint32_t even_share(std::span<const Demand> demands, uint32_t left, uint32_t& extra) {
  uint32_t share = 0;
  for (;;) {
    uint64_t taken = 0, wanting = 0;
    uint32_t shortest = ~0u;
    for (const Demand& demand : demands) {
      if (demand.decode) continue;
      taken += std::min(demand.rows, share);
      if (demand.rows <= share) continue;
      ++wanting;
      shortest = std::min(shortest, demand.rows);
    }
    extra = left - static_cast<uint32_t>(taken);
    if (wanting == 0 || extra < wanting) return share;
    share = static_cast<uint32_t>(std::min<uint64_t>(shortest, share + extra / wanting));
  }
}

}  // namespace

void plan_step(std::span<const Demand> demands, StepBudget budget, StepPlan& plan) {
  plan.segments.clear();
  plan.picks.clear();
  plan.shares.clear();
  plan.rows = 0;
  for (const Demand& demand : demands)
    if (demand.decode && plan.rows < budget.rows) add_segment(plan, demand, 1, budget.picks);

  uint32_t extra = 0;
  const uint32_t share = even_share(demands, budget.rows - plan.rows, extra);
  for (const Demand& demand : demands) {
    if (demand.decode) continue;
    uint32_t rows = std::min(demand.rows, share);
    if (rows < demand.rows && extra > 0) {  // the odd rows go to who came first
      ++rows;
      --extra;
    }
    if (rows > 0) add_segment(plan, demand, rows, budget.picks);
  }
}

}  // namespace fulmar
