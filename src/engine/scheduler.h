// Decides which rows of which slots make up the next step; plain data in, plain data out.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "ops/batch.h"

namespace fulmar {

// Whose logits a slot wants: nobody's (a prompt that is only fed), those of the last of its rows, which predict the
// next token, or those of all (a prompt whose tokens are scored).
enum class Want : uint8_t { none, last, all };

// What a request could feed: the rest of its prompt, or the one token it drew last.
struct Demand {
  uint32_t who;                     // the caller's number of the request
  std::span<const uint32_t> slots;  // all of which are fed the same: one, or those of the streams that it mixes
  uint32_t rows;                    // >= 1, of each slot
  bool decode;                      // the prompt is through: one row, and it never waits
  Want want = Want::last;
};

struct StepBudget {
  uint32_t rows, picks;  // each at least as many as the demands have slots, or some may wait for ever
};

// One step. A slot is part of at most one segment; a demand that got nothing has no share.
struct StepPlan {
  struct Share {
    uint32_t demand;             // its number
    uint32_t rows;               // of each slot
    uint32_t first_pick, picks;  // its logits are picks [first_pick, +picks): none, or for each slot its last row or all
  };
  std::vector<Share> shares;           // decode rows first, then prompts, each in arrival order
  std::vector<ops::Segment> segments;  // cover [0, rows): one for each slot of each share
  std::vector<uint32_t> picks;         // rows whose logits are wanted, ascending
  uint32_t rows = 0;
};

// Plans a step; `demands` is in order of arrival. Decode rows are taken first. What is left is shared evenly
// among the waiting prompts, and what a short prompt does not need goes to the others: a short prompt behind a
// long one is through after rows / (budget / prompts) steps, whatever the length of the long one. Where there
// are more prompts than rows, the earliest get one each. A row of a mixture counts once for each of its slots. The last row of a prompt
// waits where no pick is left for it. What the others' last rows leave of the picks is shared evenly among the prompts that
// want all of theirs, which get no more rows than that.
// `plan` is overwritten and keeps its memory.
void plan_step(std::span<const Demand> demands, StepBudget budget, StepPlan& plan);

}  // namespace fulmar
