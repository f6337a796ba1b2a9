// The Windows half of platform.h.
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
// behind it, for it needs it
#include <psapi.h>

#include <algorithm>
#include <string>
#include <thread>

#include "base/platform.h"

namespace fulmar {

int64_t process_number() {
  return GetCurrentProcessId();
}

std::filesystem::path program_path() {
  std::wstring name(32768, L'\0');
  const DWORD length = GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size()));
  if (length == 0 || length == name.size()) return {};
  name.resize(length);
  return name;
}

bool make_private_file(const std::filesystem::path& file, uint64_t bytes) {
  // The user's own folders are for him alone already, and so is what is made in them.
  const HANDLE handle = CreateFileW(file.c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return false;
  LARGE_INTEGER size{}, end{};
  end.QuadPart = static_cast<LONGLONG>(bytes);
  const bool made = GetFileSizeEx(handle, &size) &&
                    (size.QuadPart >= end.QuadPart || (SetFilePointerEx(handle, end, nullptr, FILE_BEGIN) && SetEndOfFile(handle)));
  CloseHandle(handle);
  return made;
}

void crash_quietly() {
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
}

uint64_t raise_descriptor_limit(uint64_t wanted) {
  return wanted;  // sockets are limited by memory alone
}

void return_freed_memory() {}  // it does so by itself
void return_memory_now() {}

uint64_t resident_memory() {
  PROCESS_MEMORY_COUNTERS memory{};
  return K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory) ? memory.WorkingSetSize : 0;
}

bool peer_has_ended(std::intptr_t) {
  return false;
}

void ignore_broken_pipes() {}  // there are no signals for them

unsigned usable_cores() {
  DWORD_PTR process = 0, system = 0;
  if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && process != 0) {
    unsigned cores = 0;
    for (DWORD_PTR mask = process; mask; mask &= mask - 1) ++cores;
    return cores;
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace fulmar
#endif
