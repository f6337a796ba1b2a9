// The POSIX half of platform.h (Linux, macOS).
#ifndef _WIN32
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/platform.h"

#ifdef __linux__
#include <sched.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

namespace fulmar {
namespace {

#ifdef __linux__
// Cores' worth of time a control group grants: "max 100000" or "150000 100000" (quota, period); 0 where
// unlimited.
unsigned cores_of_control_group() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return static_cast<unsigned>(std::max(1.0, std::strtod(quota.c_str(), nullptr) / period + 0.5));
}
#endif

// On the disk and not only in the file's size.
bool allocate(int file, uint64_t bytes) {
#ifdef __APPLE__
  struct stat status {};
  fstore_t wanted{F_ALLOCATEALL, F_PEOFPOSMODE, 0, static_cast<off_t>(bytes), 0};
  return fstat(file, &status) == 0 && (static_cast<uint64_t>(status.st_size) >= bytes ||
                                       (fcntl(file, F_PREALLOCATE, &wanted) != -1 && ftruncate(file, static_cast<off_t>(bytes)) == 0));
#else
  return posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
#endif
}

}  // namespace

bool make_private_file(const std::filesystem::path& file, uint64_t bytes) {
  const int handle = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (handle < 0) return false;
  const bool made = bytes == 0 || allocate(handle, bytes);
  close(handle);
  return made;
}

int64_t process_number() {
  return getpid();
}

std::filesystem::path program_path() {
  std::error_code error;
#ifdef __APPLE__
  char name[4096];
  uint32_t size = sizeof name;
  if (_NSGetExecutablePath(name, &size) != 0) return {};
  const auto program = std::filesystem::canonical(name, error);
#else
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
#endif
  return error ? std::filesystem::path() : program;
}

void crash_quietly() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

uint64_t raise_descriptor_limit(uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;  // the least that systems of today give
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max == RLIM_INFINITY ? static_cast<rlim_t>(wanted)
                                                    : std::min<rlim_t>(limit.rlim_max, static_cast<rlim_t>(wanted));
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

void return_freed_memory() {
#ifdef __GLIBC__
  // Left to itself, glibc takes the size of the largest block ever freed, up to 32 MiB, as the size below which blocks
  // stay in its heaps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}

void return_memory_now() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

uint64_t resident_memory() {
#ifdef __linux__
  std::ifstream file("/proc/self/statm");  // in pages: all, resident, ...
  uint64_t all = 0, resident = 0;
  return file >> all >> resident ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
#else
  return 0;
#endif
}

bool peer_has_ended([[maybe_unused]] std::intptr_t socket) {
#ifdef POLLRDHUP
  pollfd one{static_cast<int>(socket), POLLRDHUP, 0};
  return poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
#else
  return false;
#endif
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

unsigned usable_cores() {
  unsigned cores = std::max(1u, std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    cores = static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  if (const unsigned granted = cores_of_control_group()) cores = std::min(cores, granted);
#endif
  return cores;
}

}  // namespace fulmar
#endif
