// XXH64 as its specification words it: four lanes of eight bytes, then what remains; see checksum.h.
#include "base/checksum.h"

#include <array>
#include <bit>

namespace fulmar {
namespace {

constexpr uint64_t P1 = 0x9e3779b185ebca87, P2 = 0xc2b2ae3d27d4eb4f, P3 = 0x165667b19e3779f9, P4 = 0x85ebca77c2b2ae63,
                   P5 = 0x27d4eb2f165667c5;

uint64_t number(const std::byte* at, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= std::to_integer<uint64_t>(at[i]) << (8 * i);
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) {
  return std::rotl(lane + input * P2, 31) * P1;
}

}  // namespace

uint64_t checksum64(std::span<const std::byte> bytes, uint64_t seed) {
  const std::byte *at = bytes.data(), *const end = at + bytes.size();
  uint64_t sum = seed + P5;
  if (bytes.size() >= 32) {
    std::array<uint64_t, 4> lanes = {seed + P1 + P2, seed + P2, seed, seed - P1};
    for (; end - at >= 32; at += 32)
      for (size_t i = 0; i < 4; ++i) lanes[i] = round(lanes[i], number(at + 8 * i, 8));
    sum = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (const uint64_t lane : lanes) sum = (sum ^ round(0, lane)) * P1 + P4;
  }
  sum += bytes.size();
  for (; end - at >= 8; at += 8) sum = std::rotl(sum ^ round(0, number(at, 8)), 27) * P1 + P4;
  if (end - at >= 4) {
    sum = std::rotl(sum ^ number(at, 4) * P1, 23) * P2 + P3;
    at += 4;
  }
  for (; at != end; ++at) sum = std::rotl(sum ^ number(at, 1) * P5, 11) * P1;
  sum = (sum ^ sum >> 33) * P2;
  sum = (sum ^ sum >> 29) * P3;
  return sum ^ sum >> 32;
}

}  // namespace fulmar
