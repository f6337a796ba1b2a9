// The plain twin: every op as its formula says, one loop a line, no vectors, no threads, no fusion. What
// other backends are tested against, and what a tape is replayed on to find the op that differs.
#pragma once
#include <memory>

#include "ops/backend.h"

namespace fulmar::ops {

// Sums are kept in double, so that its results stay within a few ulp of exact arithmetic on the same f32
// inputs.
std::unique_ptr<Backend> make_plain_backend();

}  // namespace fulmar::ops
