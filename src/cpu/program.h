// A tape compiled for the CPU: stages of tasks without hazards between them.
#pragma once
#include <memory>

#include "base/thread_pool.h"
#include "ops/backend.h"

namespace fulmar::cpu {

std::unique_ptr<ops::Program> make_program(const ops::Tape& tape, const ops::Memory& memory,
                                           const ops::BatchShape& shape, ThreadPool& pool, bool timing);

}  // namespace fulmar::cpu
