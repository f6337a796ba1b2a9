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
  uint32_t picks = demand.want == Want::all ? rows : demand.want == Want::last && rows == demand.rows ? 1 : 0;
  plan.segments.push_back({demand.slot, plan.rows, rows, demand.decode});
  plan.shares.push_back({demand.slot, first_pick, picks});
  plan.rows += rows;
  for (; picks > 0; --picks) plan.picks.push_back(plan.rows - picks);
}

// The largest share s with sum(min(rows_i, s)) <= left over all demands, and in `extra` what remains of
// `left` then: less than one row for each demand that wants more than s. Every round settles a demand or
// ends. rows_of: how many rows a demand wants; 0: it takes no part.
template <class RowsOf>
uint32_t even_share(std::span<const Demand> demands, const RowsOf& rows_of, uint32_t left, uint32_t& extra) {
  uint32_t share = 0;
  for (;;) {
    uint64_t taken = 0, wanting = 0;
    uint32_t shortest = ~0u;
    for (const Demand& demand : demands) {
      const uint32_t rows = rows_of(demand);
      taken += std::min(rows, share);
      if (rows <= share) continue;
      ++wanting;
      shortest = std::min(shortest, rows);
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
  uint32_t ends = 0;  // of prompts that want one row's logits
  for (const Demand& demand : demands) {
    if (demand.decode && plan.rows < budget.rows) add_segment(plan, demand, 1, budget.picks);
    if (!demand.decode && demand.want == Want::last) ++ends;
  }

  uint32_t spare = 0, extra = 0;
  const auto wants_all = [](const Demand& demand) { return !demand.decode && demand.want == Want::all; };
  const uint32_t taken = static_cast<uint32_t>(plan.picks.size()) + ends;
  const uint32_t most = even_share(
      demands, [&](const Demand& demand) { return wants_all(demand) ? demand.rows : 0; },
      budget.picks - std::min(budget.picks, taken), spare);
  const auto rows_of = [&](const Demand& demand) {
    return demand.decode ? 0 : wants_all(demand) ? std::min(demand.rows, most) : demand.rows;
  };
  const uint32_t share = even_share(demands, rows_of, budget.rows - plan.rows, extra);
  for (const Demand& demand : demands) {
    if (demand.decode) continue;
    uint32_t rows = std::min(rows_of(demand), share);
    if (rows < rows_of(demand) && extra > 0) {  // the odd rows go to who came first
      ++rows;
      --extra;
    }
    if (rows > 0) add_segment(plan, demand, rows, budget.picks);
  }
}

}  // namespace fulmar
