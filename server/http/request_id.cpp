// A number of this process, and one of the request.
#include "http/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <random>

namespace fulmar::http {

bool is_request_id(std::string_view given) {
  const auto is_visible = [](unsigned char c) { return c > ' ' && c < 0x7f; };
  return !given.empty() && given.size() <= kRequestId && std::all_of(given.begin(), given.end(), is_visible);
}

std::string new_request_id() {
  static const uint64_t process = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  static std::atomic<uint32_t> count{0};
  return fmt::format("req_{:016x}{:08x}", process, ++count);
}

}  // namespace fulmar::http
