// The one logger and its levels; nothing else of the program sees spdlog.
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/fail.h"
#include "base/log_queue.h"
#include "base/log_thread.h"

namespace fulmar {
namespace {

spdlog::logger& logger() {
  // Never destroyed: threads that outlive main() may still log.
  static spdlog::logger& the_one = *[] {
    auto* made = new spdlog::logger("fulmar", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%H:%M:%S.%e %^%l%$ %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return the_one;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      break;
  }
  return spdlog::level::debug;
}

void write_line(std::chrono::system_clock::time_point time, LogLevel level, std::string_view line) noexcept {
  // Throws nothing: it has a handler.
  logger().log(time, spdlog::source_loc{}, level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

LogQueue& queue() {
  // Never destroyed, as its thread may be left in the midst of a line that nobody reads.
  static LogQueue& the_one = *new LogQueue(write_line);
  return the_one;
}

}  // namespace

void set_log_level(std::string_view level) {
  constexpr std::pair<std::string_view, spdlog::level::level_enum> levels[] = {
      {"error", spdlog::level::err},   {"warning", spdlog::level::warn}, {"info", spdlog::level::info},
      {"debug", spdlog::level::debug}, {"off", spdlog::level::off},
  };
  for (const auto& [name, value] : levels)
    if (name == level) {
      logger().set_level(value);
      return;
    }
  fail(ErrorKind::misuse, "log level '{}' is not one of: error, warning, info, debug, off", level);
}

bool log_enabled(LogLevel level) noexcept {
  try {
    return logger().should_log(level_of(level));
  } catch (...) {  // the first line of all, and no memory for a logger
    return false;
  }
}

void log_line(LogLevel level, std::string_view line) noexcept {
  if (!log_enabled(level)) return;
  try {
    if (queue().put(level, line)) return;
  } catch (...) {  // the same of the queue: unqueued
  }
  write_line(std::chrono::system_clock::now(), level, line);
}

LogThread::LogThread() {
  queue().start();
}

LogThread::~LogThread() {
  queue().stop();
}

bool flush_log() noexcept {
  return queue().flush();
}

}  // namespace fulmar
