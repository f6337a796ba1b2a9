// Moments as clients write them.
#pragma once
#include <chrono>
#include <string>

namespace fulmar::api {

// "2026-11-27T01:30:46.012345678Z", or without a fraction where it is a whole second.
std::string rfc3339(std::chrono::system_clock::time_point when);

}  // namespace fulmar::api
