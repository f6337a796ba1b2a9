// parallel_for(): splits a range over short-lived threads; for loading and converting, not for the inference
// hot path (the CPU backend has a pool of its own).
#pragma once
#include <cstdint>
#include <functional>

namespace fulmar {

// Calls body(begin, end) for parts that cover [0, count), on several threads. The first exception is
// rethrown.
void parallel_for(uint64_t count, const std::function<void(uint64_t begin, uint64_t end)>& body);

}  // namespace fulmar
