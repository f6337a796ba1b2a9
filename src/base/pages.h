// Zeroed memory straight from the operating system, on large pages where it offers them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace fulmar {

struct FreePages {
  uint64_t bytes = 0;
  void operator()(std::byte* pages) const;
};
using Pages = std::unique_ptr<std::byte[], FreePages>;

// Zero-filled, at least 4 KiB aligned; pages are touched only when used. Null where the system refuses.
Pages allocate_pages(uint64_t bytes);

// Asks for large pages under memory that was just allocated and not touched yet: where it is many megabytes, being given
// small ones one by one costs several times what filling them does.
void use_large_pages(const void* memory, uint64_t bytes);

// Memory of the machine in bytes; 0 where the system does not tell.
uint64_t physical_memory();
// What of it programs could have now; half of it where the system does not tell.
uint64_t available_memory();

}  // namespace fulmar
