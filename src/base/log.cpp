// The one logger and its levels.
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

#include "base/fail.h"

namespace fulmar {

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

}  // namespace fulmar
