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
  uint32_t picked = 0;  // of each slot: its last rows
  if (demand.want == Want::all) picked = rows;
  if (demand.want == Want::last && rows == demand.rows) picked = 1;
  plan.shares.push_back({number, rows, first_pick, picked * slots});
  for (const uint32_t slot : demand.slots) {
    plan.segments.push_back({slot, plan.rows, rows, demand.decode});
    plan.rows += rows;
    for (uint32_t i = picked; i > 0; --i) plan.picks.push_back(plan.rows - i);
  }
}

// What a demand may get in this step.
uint32_t rows_of(const Demand& demand, uint32_t most_scored) {
  return demand.want == Want::all ? std::min(demand.rows, most_scored) : demand.rows;
}

// The largest share s with sum(slots_i * min(rows_i, s)) <= left over all prompts for which `counts` holds, and in `extra`
// what remains of `left` then: less than one row for each slot of the prompts that want more than s. Every round settles a
// prompt or ends.
template <class Counts, class Rows>
uint32_t even_share(std::span<const Demand> demands, uint32_t left, uint32_t& extra, const Counts& counts, const Rows& rows) {
  uint32_t share = 0;
  for (;;) {
    uint64_t taken = 0, wanting = 0;
    uint32_t shortest = ~0u;
    for (const Demand& demand : demands) {
      if (!counts(demand)) continue;
      taken += uint64_t{demand.slots.size()} * std::min(rows(demand), share);
      if (rows(demand) <= share) continue;
      wanting += demand.slots.size();
      shortest = std::min(shortest, rows(demand));
    }
    extra = left - static_cast<uint32_t>(taken);
    if (wanting == 0 || extra < wanting) return share;
    share = static_cast<uint32_t>(std::min<uint64_t>(shortest, share + extra / wanting));
  }
}

// Rows of each prompt that wants all of them picked, beside the last rows of the others, which are never held up by these.
uint32_t scored_share(std::span<const Demand> demands, uint32_t max_picks) {
  uint64_t others = 0;
  for (const Demand& demand : demands)
    if (demand.want == Want::last) others += demand.slots.size();
  uint32_t extra = 0;
  const auto left = static_cast<uint32_t>(max_picks - std::min<uint64_t>(others, max_picks));
  return even_share(
      demands, left, extra, [](const Demand& demand) { return demand.want == Want::all; },
      [](const Demand& demand) { return demand.rows; });
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

  const uint32_t scored = scored_share(demands, budget.picks);
  uint32_t extra = 0;
  const uint32_t share = even_share(
      demands, budget.rows - plan.rows, extra, [](const Demand& demand) { return !demand.decode; },
      [&](const Demand& demand) { return rows_of(demand, scored); });
  for (uint32_t i = 0; i < count; ++i) {
    if (demands[i].decode) continue;
    const uint32_t wanted = rows_of(demands[i], scored);
    uint32_t rows = std::min(wanted, share);
    if (rows < wanted && extra >= demands[i].slots.size()) {  // the odd rows go to who came first
      ++rows;
      extra -= static_cast<uint32_t>(demands[i].slots.size());
    }
    if (rows > 0) add_share(plan, demands, i, rows, budget.picks);
  }
}

}  // namespace fulmar
