// Anonymous mappings; see pages.h.
#include "base/pages.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace fulmar {

#ifdef _WIN32

Pages allocate_pages(uint64_t bytes) {
  bytes = std::max<uint64_t>(bytes, 1);
  void* pages = VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  return Pages(static_cast<std::byte*>(pages), {bytes});
}

void FreePages::operator()(std::byte* pages) const {
  VirtualFree(pages, 0, MEM_RELEASE);
}

void use_large_pages(const void*, uint64_t) {}  // they cannot be had afterwards

uint64_t physical_memory() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

uint64_t available_memory() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  return GlobalMemoryStatusEx(&status) ? status.ullAvailPhys : 0;
}

#else

void use_large_pages(const void* memory, uint64_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t page = 4096;
  const uintptr_t at = reinterpret_cast<uintptr_t>(memory), begin = (at + page - 1) / page * page, end = (at + bytes) / page * page;
  // A refusal, as of pages of another size, changes nothing but speed.
  if (bytes >= 4u << 20) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

Pages allocate_pages(uint64_t bytes) {
  bytes = std::max<uint64_t>(bytes, 1);
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return {};
  use_large_pages(pages, bytes);  // fewer page walks: weights are read front to back once a step
  return Pages(static_cast<std::byte*>(pages), {bytes});
}

void FreePages::operator()(std::byte* pages) const {
  munmap(pages, bytes);
}

uint64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(size) : 0;
}

uint64_t available_memory() {
  std::ifstream told("/proc/meminfo");
  for (std::string line; std::getline(told, line);)
    if (uint64_t kib = 0; std::sscanf(line.c_str(), "MemAvailable: %" SCNu64, &kib) == 1) return kib << 10;
  return physical_memory() / 2;
}

#endif

}  // namespace fulmar
