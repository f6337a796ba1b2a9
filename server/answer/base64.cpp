// Three bytes become four characters.
#include "answer/base64.h"

#include <bit>
#include <cstdint>

namespace fulmar::api {

std::string base64_floats(std::span<const float> numbers) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((numbers.size() * sizeof(float) + 2) / 3 * 4);
  uint32_t bits = 0;
  int bytes = 0;
  const auto put = [&](int characters) {
    for (int i = 0; i < characters; ++i) out += digits[bits >> (18 - 6 * i) & 63];
    bits = 0, bytes = 0;
  };
  for (const float number : numbers) {
    const auto raw = std::bit_cast<uint32_t>(number);
    for (int shift = 0; shift < 32; shift += 8) {
      bits |= (raw >> shift & 255) << (16 - 8 * bytes);
      if (++bytes == 3) put(4);
    }
  }
  if (bytes > 0) {
    const int missing = 3 - bytes;
    put(bytes + 1);
    out.append(static_cast<size_t>(missing), '=');
  }
  return out;
}

}  // namespace fulmar::api
