// The CPU backend: Highway kernels chosen at run time, a thread pool, weights read once a step for all rows.
#pragma once
#include <cstdint>
#include <memory>

#include "ops/backend.h"

namespace fulmar::cpu {

// `threads` 0: as many as the machine offers.
std::unique_ptr<ops::Backend> make_backend(uint32_t threads = 0);

// What make_backend() would run on, without starting threads.
ops::Caps describe();

}  // namespace fulmar::cpu
