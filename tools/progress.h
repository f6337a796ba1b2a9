// Progress of long work on stderr: a bar for a person, four lines for a log.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace fulmar::tools {

// How what is done is counted, and shown.
struct ProgressUnit {
  double size;
  const char* name;
};
inline constexpr ProgressUnit mebibytes{1 << 20, "MiB"};

// A function to call with what is done and what is to be done in all, bytes by default; the last call has done == total.
// Any thread may call it, one at a time.
std::function<void(uint64_t done, uint64_t total)> show_progress(std::string what, ProgressUnit unit = mebibytes);

}  // namespace fulmar::tools
