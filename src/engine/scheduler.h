// Decides which rows of which slots make up the next step; plain data in, plain data out.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ops/batch.h"

namespace fulmar {

// Whose logits a slot wants: nobody's (a prompt that is only fed), or those of the last of its rows, which predict the
// next token.
enum class Want : uint8_t { none, last };

// What a live slot could feed: the rest of its prompt, or the one token it drew last.
struct Demand {
  uint32_t slot;
  uint32_t rows;  // >= 1
  bool decode;    // the prompt is through: one row, and it never waits
  Want want = Want::last;
};

struct StepBudget {
  uint32_t rows, picks;  // each at least as many as there are demands, or some may wait for ever
};

// One step. A slot is part of at most one segment; a demand that got nothing has none.
struct StepPlan {
  std::vector<ops::Segment>
      segments;                 // cover [0, rows): decode rows first, then prompts, each in arrival order
  std::vector<uint32_t> picks;  // rows whose logits are wanted, ascending
  struct Share {
    uint32_t slot, first_pick, picks;  // its logits are picks [first_pick, +picks)
  };
  std::vector<Share> shares;  // by segment
  uint32_t rows = 0;
};

// Plans a step; `demands` is in order of arrival. Decode rows are taken first. What is left is shared evenly
// among the waiting prompts, and what a short prompt does not need goes to the others: a short prompt behind a
// long one is through after rows / (budget / prompts) steps, whatever the length of the long one. Where there
// are more prompts than rows, the earliest get one each. The last row of a prompt waits where no pick is left for it.
// `plan` is overwritten and keeps its memory.
void plan_step(std::span<const Demand> demands, StepBudget budget, StepPlan& plan);

}  // namespace fulmar
