// SHA-256 (FIPS 180-4), for passwords that are kept as what cannot be turned back.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fulmar {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
// Of 64 digits of hexadecimal; nothing where it is something else.
std::optional<Sha256> sha256_from_hex(std::string_view text);
// Takes the same time wherever they differ.
bool same_in_constant_time(const Sha256& a, const Sha256& b);

}  // namespace fulmar
