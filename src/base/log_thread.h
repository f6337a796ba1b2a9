// A log that holds up nobody, for programs that serve others.
#pragma once

namespace fulmar {

// While it lives, lines are written in their order by a thread of their own: up to 1024 wait, what comes beyond is lost,
// and a line says how many. Whoever logs an error or a warning waits until it is written, for the program may end next;
// but where nobody reads stderr, 100 ms once. The end writes what waits, or gives up after a second.
class LogThread {
 public:
  LogThread();
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
};
// Writes what waits, or gives up after a second. False: a line hangs, and an exit that flushes stderr would wait for it.
bool flush_log() noexcept;

}  // namespace fulmar
