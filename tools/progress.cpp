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
    const double mib = static_cast<double>(total) / (1 << 20);
    if (terminal) {
      const int full = static_cast<int>(part * bar_width);
      std::fprintf(stderr, "\r%s [%s%s] %3d%% of %.0f MiB%s", what.c_str(), std::string(full, '#').c_str(),
                   std::string(bar_width - full, ' ').c_str(), steps, mib, steps == 100 ? "\n" : "");
    } else if (steps > 0) {
      std::fprintf(stderr, "%s: %d%% of %.0f MiB\n", what.c_str(), steps * 25, mib);
    }
    std::fflush(stderr);
  }
};

}  // namespace

std::function<void(uint64_t, uint64_t)> show_progress(std::string what) {
  auto progress = std::make_shared<Progress>();
  progress->what = std::move(what);
  return [progress](uint64_t done, uint64_t total) { progress->update(done, total); };
}

}  // namespace fulmar::tools
