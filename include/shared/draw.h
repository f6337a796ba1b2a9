// How one row of logits becomes a token, for whoever draws it: the host's sampler, and devices that keep their logits.
// What tokens pay (penalties, bias) has been added to the logits before.
#ifndef FULMAR_SHARED_DRAW_H
#define FULMAR_SHARED_DRAW_H
#include "shared/lang.h"

#ifdef __cplusplus
namespace fulmar::shared {
#endif

// With w = exp((logit - largest) / temperature), but w = exp(logit - largest) in the cuts of DRAW_CUTS_FIRST and
// DRAW_COLD_CUTS; each stage works on what the one before left.
SHARED_CONST(uint, DRAW_TEMPERATURE_FIRST, 0u);  // top_k, top_p, min_p. Among equals at a cut the lower ids are kept.
SHARED_CONST(uint, DRAW_CUTS_FIRST, 1u);  // top_p with all equals of its last, top_k, then w^(1 / temperature), min_p
SHARED_CONST(uint, DRAW_JOINT, 2u);  // top_k or top_p, whichever keeps less; equals of the last share its room; min_p
SHARED_CONST(uint, DRAW_COLD_CUTS, 3u);  // top_k, top_p, min_p, then w^(1 / temperature); equals as in the first

// 28 bytes, laid out alike (std430) by all compilers.
struct Draw {
  float temperature;  // 0: the largest logit, of several the lowest id; nothing below matters then
  float top_p;        // the share of all weight that is kept, above 0; 1: all
  float min_p;        // weights below this times the largest are dropped; 0: none
  uint top_k;         // 0: all
  uint order;         // DRAW_
  uint point_high, point_low;  // where in the kept weights, one after the other by id: a fraction of 64 bits
};

#ifdef __cplusplus
static_assert(sizeof(Draw) == 28);
}  // namespace fulmar::shared
#endif
#endif
