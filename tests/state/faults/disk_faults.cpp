// Stands before the C library's writing and syncing of files and lets them fail: linked into a test, which says what fails
// by set_disk_fault(), or preloaded, where the first letter of the file FULMAR_DISK_FAULT names says it: f(ull),
// u(nwritable), s(ync), else nothing. A full disk takes again what files had that remove() took away.
#include "disk_faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

std::atomic<int> said{disk_in_order};
std::atomic<unsigned long long> syncs{0};
std::atomic<long long> room{0};  // on a full disk: bytes of files that were removed since

int fault_told() {
  static const char* const file = std::getenv("FULMAR_DISK_FAULT");
  if (file == nullptr) return said.load();
  const int handle = open(file, O_RDONLY | O_CLOEXEC);
  if (handle < 0) return disk_in_order;
  char letter = 0;
  if (read(handle, &letter, 1) != 1) letter = 0;
  close(handle);
  return letter == 'f' ? disk_full : letter == 'u' ? disk_unwritable : letter == 's' ? disk_cannot_sync : disk_in_order;
}

int fault_now() {
  const int fault = fault_told();
  if (fault != disk_full) room = 0;
  return fault;
}

// Whether a full disk can take so much more.
bool takes(long long more) {
  if (more <= 0) return true;
  if (room < more) return false;
  room -= more;
  return true;
}

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

ssize_t write_at(const char* name, int file, const void* bytes, size_t count, off_t at) {
  using Write = ssize_t (*)(int, const void*, size_t, off_t);
  const int fault = fault_now();
  struct stat status {};
  const bool known = fault == disk_full && fstat(file, &status) == 0;
  if (fault == disk_unwritable || (known && !takes(at + static_cast<off_t>(count) - status.st_size))) {
    errno = fault == disk_full ? ENOSPC : EIO;
    return -1;
  }
  return real<Write>(name)(file, bytes, count, at);
}

int sync(const char* name, int file) {
  ++syncs;
  if (fault_now() == disk_cannot_sync) {
    errno = EIO;
    return -1;
  }
  return real<int (*)(int)>(name)(file);
}

}  // namespace

extern "C" {

void set_disk_fault(int fault) {
  said = fault;
}
unsigned long long disk_syncs() {
  return syncs;
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return write_at("pwrite", file, bytes, count, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off_t at) {
  return write_at("pwrite64", file, bytes, count, at);
}
int posix_fallocate(int file, off_t begin, off_t count) {
  struct stat status {};
  if (fault_now() == disk_full && fstat(file, &status) == 0 && !takes(begin + count - status.st_size)) return ENOSPC;
  return real<int (*)(int, off_t, off_t)>("posix_fallocate")(file, begin, count);
}
int remove(const char* path) {
  struct stat status {};
  const bool known = stat(path, &status) == 0;
  const int failed = real<int (*)(const char*)>("remove")(path);
  if (fault_now() == disk_full && known && failed == 0) room += status.st_size;
  return failed;
}
int fsync(int file) {
  return sync("fsync", file);
}
int fdatasync(int file) {
  return sync("fdatasync", file);
}
}
