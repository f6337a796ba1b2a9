// Decode rows first, then an even split of the rest among the prompts.
#include "engine/scheduler.h"

#include <algorithm>

namespace fulmar {
namespace {

void add_share(StepPlan& plan, std::span<const Demand> demands, uint32_t number, uint32_t rows, uint32_t max_picks) {
  const Demand& demand = demands[number];
  const auto slots = static_cast<uint32_t>(demand.slots.size()), first_pick = static_cast<uint32_t>(plan.picks.size());
  const bool ends = rows == demand.rows;  // all it has: the last row predicts the next token
  if (demand.want == Want::last && ends && first_pick + slots > max_picks) --rows;
  if (rows == 0) return;
  const bool picked = demand.want == Want::last && rows == demand.rows;
  plan.shares.push_back({number, rows, first_pick, picked ? slots : 0u});
  for (const uint32_t slot : demand.slots) {
    plan.segments.push_back({slot, plan.rows, rows, demand.decode});
    plan.rows += rows;
    if (picked) plan.picks.push_back(plan.rows - 1);
  }
}

// The largest share s with sum(slots_i * min(rows_i, s)) <= left over all prompts, and in `extra` what remains of `left`
// then: less than one row for each slot of the prompts that want more than s. Every round settles a prompt or ends.
uint32_t even_share(std::span<const Demand> demands, uint32_t left, uint32_t& extra) {
  uint32_t share = 0;
  for (;;) {
    uint64_t taken = 0, wanting = 0;
    uint32_t shortest = ~0u;
    for (const Demand& demand : demands) {
      if (demand.decode) continue;
      taken += uint64_t{demand.slots.size()} * std::min(demand.rows, share);
      if (demand.rows <= share) continue;
      wanting += demand.slots.size();
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
  const auto count = static_cast<uint32_t>(demands.size());
  for (uint32_t i = 0; i < count; ++i)
    if (demands[i].decode && plan.rows + demands[i].slots.size() <= budget.rows)
      add_share(plan, demands, i, 1, budget.picks);

  uint32_t extra = 0;
  const uint32_t share = even_share(demands, budget.rows - plan.rows, extra);
  for (uint32_t i = 0; i < count; ++i) {
    if (demands[i].decode) continue;
    uint32_t rows = std::min(demands[i].rows, share);
    if (rows < demands[i].rows && extra >= demands[i].slots.size()) {  // the odd rows go to who came first
      ++rows;
      extra -= static_cast<uint32_t>(demands[i].slots.size());
    }
    if (rows > 0) add_share(plan, demands, i, rows, budget.picks);
  }
}

}  // namespace fulmar
