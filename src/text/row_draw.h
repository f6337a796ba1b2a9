// Draws one row of logits as a shared::Draw says, on the host.
#pragma once
#include <span>

#include "shared/draw.h"
#include "text/selection.h"

namespace fulmar {

// Buffers that grow with the first rows and are used again.
struct DrawMemory {
  PerBlock maxima, sums;
  Kept kept;
};

// NaN and -infinity are never drawn; where nothing is left, Error(internal) says so. Where logits are +infinity, only
// those are drawn, and the row is changed: else it is not.
Token draw_row(std::span<float> logits, const shared::Draw& draw, DrawMemory& memory);

}  // namespace fulmar
