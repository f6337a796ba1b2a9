// XXH64, a fast checksum: for bytes that may have been damaged, not for bytes that somebody forged.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace fulmar {

// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. For bytes in several pieces, the checksum of those
// before is the next one's seed.
uint64_t checksum64(std::span<const std::byte> bytes, uint64_t seed = 0);

}  // namespace fulmar
