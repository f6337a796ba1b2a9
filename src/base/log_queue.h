// Lines of the log on their way to a thread that writes them, so that whoever logs does not wait for a reader.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"

namespace fulmar {

class LogQueue {
 public:
  using Time = std::chrono::system_clock::time_point;
  using Write = void (*)(Time, LogLevel, std::string_view) noexcept;
  // Must live as long as the program where stop() may find the thread hanging. `patience`: of who logs a warning or an
  // error, until it is written.
  explicit LogQueue(Write write, std::chrono::milliseconds patience = std::chrono::milliseconds(100))
      : write_(write), patience_(patience) {}

  // As often as stop(). Without memory for a thread lines are written where they come, as before.
  void start() noexcept;
  // The last one ends the thread, or leaves it alone where it hangs in a line.
  void stop() noexcept;
  // False: there is no thread. Else the line will be written, or is counted as lost.
  bool put(LogLevel level, std::string_view text) noexcept;
  bool flush() noexcept;  // false: it hangs

 private:
  struct Line {
    Time time;
    LogLevel level;
    std::string text;
  };
  void run() noexcept;
  // With the lock held.
  void push(LogLevel level, std::string text);
  void tell_of_lost() noexcept;
  bool wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds most);

  const Write write_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable changed_, written_;
  std::deque<Line> lines_;
  uint64_t put_ = 0, done_ = 0;  // lines so far
  size_t lost_ = 0;              // and not yet told of
  size_t users_ = 0;
  bool running_ = false, ending_ = false;
  bool hangs_ = false;  // somebody waited in vain, and no line was written since
  std::thread thread_;
};

}  // namespace fulmar
