// Temporary files on POSIX and Windows; see atomic_file.h.
#include "base/atomic_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <system_error>

#include "base/fail.h"
#include "base/mapped_file.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace fulmar {
namespace {

constexpr intptr_t no_handle = -1;
constexpr std::size_t write_at_once = std::size_t{1} << 26;

// A name no other thread or process picks.
std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<uint32_t> count = std::random_device{}();
  std::filesystem::path name = path;
  name += fmt::format(".{:08x}{:08x}.tmp", std::random_device{}(), ++count);
  return name;
}

[[noreturn]] void refuse_existing(const std::filesystem::path& path) {
  fail(ErrorKind::misuse, "{}: this file exists already (--force replaces it)", to_utf8(path));
}

#ifdef _WIN32

int last_error() {
  return static_cast<int>(GetLastError());
}
HANDLE as_handle(intptr_t handle) {
  return reinterpret_cast<HANDLE>(handle);
}
intptr_t create(const std::filesystem::path& path) {
  return reinterpret_cast<intptr_t>(
      CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr));
}
// Bytes written of a part; 0 on failure.
std::size_t write_part(intptr_t handle, const std::byte* data, std::size_t bytes) {
  DWORD written = 0;
  return WriteFile(as_handle(handle), data, static_cast<DWORD>(bytes), &written, nullptr) ? written : 0;
}
bool flush(intptr_t handle) {
  return FlushFileBuffers(as_handle(handle)) != 0;
}
bool source_is_lost() {
  return false;
}
void remember(const std::filesystem::path&) {}
void forget(const std::filesystem::path&) {}
void close_handle(intptr_t handle) {
  CloseHandle(as_handle(handle));
}
void give_name(const std::filesystem::path& from, const std::filesystem::path& to, bool replace) {
  if (MoveFileExW(from.c_str(), to.c_str(), replace ? MOVEFILE_REPLACE_EXISTING : 0)) return;
  if (GetLastError() == ERROR_ALREADY_EXISTS) refuse_existing(to);
  cannot(to, "cannot be written", last_error());
}

#else

int last_error() {
  return errno;
}
intptr_t create(const std::filesystem::path& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}
std::size_t write_part(intptr_t handle, const std::byte* data, std::size_t bytes) {
  for (;;) {
    const ssize_t written = ::write(static_cast<int>(handle), data, bytes);
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno != EINTR) return 0;
  }
}
bool flush(intptr_t handle) {
  return fsync(static_cast<int>(handle)) == 0;
}
void close_handle(intptr_t handle) {
  ::close(static_cast<int>(handle));
}
// Whether the last write failed because its bytes could not be read, as those of a mapped file that shrank.
bool source_is_lost() {
  return errno == EFAULT;
}

// Names of temporary files, where a signal handler finds them.
std::array<std::atomic<const char*>, 16> unfinished;

void remember(const std::filesystem::path& path) {
  for (auto& place : unfinished) {
    const char* none = nullptr;
    if (place.compare_exchange_strong(none, path.c_str())) return;
  }
}
void forget(const std::filesystem::path& path) {
  for (auto& place : unfinished) {
    const char* same = path.c_str();
    if (place.compare_exchange_strong(same, nullptr)) return;
  }
}

void give_name(const std::filesystem::path& from, const std::filesystem::path& to, bool replace) {
  // A second name refuses to take an existing one's place; a rename does not. Not every file system has
  // second names.
  if (!replace) {
    if (link(from.c_str(), to.c_str()) == 0) {
      unlink(from.c_str());
      return;
    }
    if (errno == EEXIST || std::filesystem::exists(to)) refuse_existing(to);
  }
  if (rename(from.c_str(), to.c_str()) != 0) cannot(to, "cannot be replaced", errno);
}

#endif

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, Existing existing)
    : path_(std::move(path)), temporary_(temporary_beside(path_)), existing_(existing) {
  std::error_code error;
  const auto status = std::filesystem::status(path_, error);
  if (std::filesystem::is_directory(status))
    fail(ErrorKind::bad_file, "{}: is a folder, not a file", to_utf8(path_));
  if (existing_ == Existing::refuse && std::filesystem::exists(status)) refuse_existing(path_);
  handle_ = create(temporary_);
  if (handle_ == no_handle) cannot(temporary_, "cannot be written here", last_error());
  remember(temporary_);
}

AtomicFile::~AtomicFile() {
  if (temporary_.empty()) return;
  forget(temporary_);
  close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::close() {
  if (handle_ != no_handle) close_handle(handle_);
  handle_ = no_handle;
}

void AtomicFile::expect(uint64_t bytes) const {
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::absolute(path_).parent_path(), error);
  if (!error && space.available < bytes)
    fail(ErrorKind::bad_file, "{}: {} MiB are to be written, but the disk has only {} MiB left",
         to_utf8(path_), bytes >> 20, space.available >> 20);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t written =
        write_part(handle_, bytes.data(), std::min<std::size_t>(bytes.size(), write_at_once));
    if (written == 0 && source_is_lost())
      fail(ErrorKind::bad_file, "{}: could not be written: {} changed meanwhile", to_utf8(path_),
           changed_mapped_file().empty() ? "the file it is made from" : changed_mapped_file());
    if (written == 0) cannot(path_, "could not be written (is the disk full?)", last_error());
    bytes = bytes.subspan(written);
    size_ += written;
  }
}

void AtomicFile::commit() {
  if (!flush(handle_)) cannot(path_, "could not be written (is the disk full?)", last_error());
  close();
  give_name(temporary_, path_, existing_ == Existing::replace);
  forget(temporary_);
  temporary_.clear();
}

#ifdef _WIN32
void remove_unfinished_files() {}
#else
void remove_unfinished_files() {
  for (auto& place : unfinished)
    if (const char* name = place.exchange(nullptr)) unlink(name);
}
#endif

}  // namespace fulmar
