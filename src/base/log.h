// Log lines for people, on stderr: log_info("loaded {} in {:.1f} s", name, seconds).
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace fulmar {

enum class LogLevel : uint8_t { error, warning, info, debug };

// "error", "warning", "info" (the level before any call), "debug" or "off". Throws Error(misuse) naming the
// choices.
void set_log_level(std::string_view level);
bool log_enabled(LogLevel level) noexcept;
// One line, with time and level, in colour on a terminal. A line that cannot be written is lost.
void log_line(LogLevel level, std::string_view line) noexcept;

template <typename... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) noexcept {
  if (!log_enabled(level)) return;
  try {
    log_line(level, fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {  // no memory for it: what is being reported matters more
    log_line(level, "a line of the log was lost: memory ran out");
  }
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) noexcept {
  log_at(LogLevel::error, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) noexcept {
  log_at(LogLevel::warning, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) noexcept {
  log_at(LogLevel::info, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) noexcept {
  log_at(LogLevel::debug, format, std::forward<Args>(args)...);
}

}  // namespace fulmar
