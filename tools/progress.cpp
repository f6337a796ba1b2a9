// Progress on stderr; see progress.h.
#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <mutex>

#include "base/terminal.h"

namespace fulmar::tools {
namespace {

constexpr int bar_width = 40;

struct Progress {
  std::string what;
  ProgressUnit unit = mebibytes;
  bool terminal = is_terminal(StandardStream::error);
  int shown = -1;  // percent, or quarters where nobody watches
  std::mutex mutex;

  void update(uint64_t done, uint64_t total) {
    if (total == 0) return;
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const std::lock_guard lock(mutex);
    const int steps = static_cast<int>(part * (terminal ? 100 : 4));
    if (steps <= shown) return;
    shown = steps;
    const double all = static_cast<double>(total) / unit.size;
    if (terminal) {
      const int full = static_cast<int>(part * bar_width);
      std::fprintf(stderr, "\r%s [%s%s] %3d%% of %.0f %s%s", what.c_str(), std::string(full, '#').c_str(),
                   std::string(bar_width - full, ' ').c_str(), steps, all, unit.name, steps == 100 ? "\n" : "");
    } else if (steps > 0) {
      std::fprintf(stderr, "%s: %d%% of %.0f %s\n", what.c_str(), steps * 25, all, unit.name);
    }
    std::fflush(stderr);
  }
};

}  // namespace

std::function<void(uint64_t, uint64_t)> show_progress(std::string what, ProgressUnit unit) {
  auto progress = std::make_shared<Progress>();
  progress->what = std::move(what);
  progress->unit = unit;
  return [progress](uint64_t done, uint64_t total) { progress->update(done, total); };
}

}  // namespace fulmar::tools
