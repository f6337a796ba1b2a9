// Little-endian numbers at any alignment. The caller has checked that the bytes are there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fulmar {

template <typename T>
T little_endian(const std::byte* at) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(uint64_t{value} << 8 | static_cast<T>(std::to_integer<uint8_t>(at[i])));
  return value;
}

}  // namespace fulmar
