// Progress of a long load on stderr: a bar for a person, four lines for a log.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace fulmar::tools {

// A function to call with bytes done and bytes in all; the last call has done == total. Any thread may call
// it, one at a time.
std::function<void(uint64_t done, uint64_t total)> show_progress(std::string what);

}  // namespace fulmar::tools
