// Log lines for people, on stderr: log_info("loaded {} in {:.1f} s", name, seconds).
#pragma once
#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace fulmar {

// "error", "warning", "info" (the level before any call), "debug" or "off". Throws Error(misuse) naming the
// choices.
void set_log_level(std::string_view level);
// The program's logger: to stderr, with time and level, in colour on a terminal.
spdlog::logger& logger();

template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  logger().error(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  logger().warn(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  logger().info(format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  logger().debug(format, std::forward<Args>(args)...);
}

}  // namespace fulmar
