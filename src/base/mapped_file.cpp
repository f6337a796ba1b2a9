// mmap() and MapViewOfFile() behind MappedFile.
#include "base/mapped_file.h"

#include <array>
#include <atomic>
#include <mutex>
#include <system_error>

#include "base/atomic_file.h"
#include "base/fail.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace fulmar {
namespace {

// What can be said before the file is opened, in words that are the same on every system.
void check_kind(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    fail(ErrorKind::not_found, "{}: no such file", to_utf8(path));
  if (error) cannot(path, "cannot be opened", error.value());
  if (std::filesystem::is_directory(status))
    fail(ErrorKind::bad_file, "{}: is a directory, not a file", to_utf8(path));
  if (!std::filesystem::is_regular_file(status))
    fail(ErrorKind::bad_file, "{}: is not a regular file", to_utf8(path));
}

[[noreturn]] void empty(const std::filesystem::path& path) {
  fail(ErrorKind::bad_file, "{}: the file is empty", to_utf8(path));
}

}  // namespace

void cannot(const std::filesystem::path& path, const char* what, int error) {
  fail(ErrorKind::bad_file, "{}: {}: {}", to_utf8(path), what, std::system_category().message(error));
}

std::string to_utf8(const std::filesystem::path& path) {
  const std::u8string text = path.u8string();
  return {text.begin(), text.end()};
}

#ifdef _WIN32

MappedFile::MappedFile(const std::filesystem::path& path) {
  check_kind(path);
  struct Handle {
    HANDLE value;
    ~Handle() {
      if (value && value != INVALID_HANDLE_VALUE) CloseHandle(value);
    }
  };
  const auto error = [] { return static_cast<int>(GetLastError()); };
  const Handle file{
      CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr)};
  if (file.value == INVALID_HANDLE_VALUE) cannot(path, "cannot be opened", error());
  LARGE_INTEGER size{};
  if (!GetFileSizeEx(file.value, &size)) cannot(path, "cannot be measured", error());
  if (size.QuadPart == 0) empty(path);
  const Handle mapping{CreateFileMappingW(file.value, nullptr, PAGE_READONLY, 0, 0, nullptr)};
  if (!mapping.value) cannot(path, "cannot be mapped", error());
  // The view keeps file and mapping alive after their handles are closed.
  data_ = static_cast<const std::byte*>(MapViewOfFile(mapping.value, FILE_MAP_READ, 0, 0, 0));
  if (!data_) cannot(path, "cannot be mapped", error());
  size_ = static_cast<std::size_t>(size.QuadPart);
}

MappedFile::~MappedFile() {
  if (data_ && mapped_) UnmapViewOfFile(data_);
}

void MappedFile::advise_sequential() const {}  // Windows reads mapped files ahead by itself
void end_sequential_reading() {}
// No program may write to a file that another one holds open without having allowed it.
void explain_lost_files() {}
std::string changed_mapped_file() {
  return {};
}

// Unlocking pages that are not locked takes them out of the working set; the failure it reports is expected.
void MappedFile::release(std::span<const std::byte> part) const {
  if (mapped_) VirtualUnlock(const_cast<std::byte*>(part.data()), part.size());
}

#else

namespace {

// What a file is and when it was written last.
struct Mark {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t seconds = 0, nanoseconds = 0;
  bool operator==(const Mark&) const = default;
};

Mark mark_of(const struct stat& status) {
#ifdef __APPLE__
  const timespec& time = status.st_mtimespec;
#else
  const timespec& time = status.st_mtim;
#endif
  return {status.st_dev, status.st_ino, status.st_size, time.tv_sec, time.tv_nsec};
}

// All mapped files. A signal handler reads the list while others change it, so places never move, and one is
// taken as long as `begin` is not 0: it is written last and cleared first.
struct Place {
  std::atomic<uintptr_t> begin{0};
  std::size_t size = 0;
  const char* path = nullptr;
  Mark mark;
};
constexpr std::size_t no_place = 4096;  // files beyond go without a sentence
std::array<Place, no_place> places;
std::mutex places_mutex;  // for all but the signal handler

std::size_t take_place(const void* data, std::size_t size, const std::string& path, const Mark& mark) {
  const std::lock_guard lock(places_mutex);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Place& place = places[i];
    if (place.begin.load() != 0) continue;
    place.size = size;
    place.path = path.c_str();
    place.mark = mark;
    place.begin.store(reinterpret_cast<uintptr_t>(data), std::memory_order_release);
    return i;
  }
  return no_place;
}

void give_place_back(std::size_t place) {
  const std::lock_guard lock(places_mutex);
  if (place != no_place) places[place].begin.store(0);
}

void say(const char* text) {
  const ssize_t ignored = write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);
}

// Only what may be called in a signal handler: memory is read, a line is written, the program ends.
void on_bus_error(int, siginfo_t* info, void*) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Place& place : places) {
    const uintptr_t begin = place.begin.load(std::memory_order_acquire);
    if (begin == 0 || at < begin || at - begin >= place.size) continue;
    say("fulmar: ");
    say(place.path);
    say(": the file changed while it was in use, or cannot be read any more; to replace a model, rename the "
        "new "
        "file over the old one\n");
    remove_unfinished_files();
    _exit(1);
  }
  signal(SIGBUS, SIG_DFL);  // none of ours: it happens again, and ends the program
}

}  // namespace

void explain_lost_files() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

void end_sequential_reading() {
  const std::lock_guard lock(places_mutex);
  for (const Place& place : places)
    if (const uintptr_t begin = place.begin.load())
      madvise(reinterpret_cast<void*>(begin), place.size, MADV_NORMAL);
}

std::string changed_mapped_file() {
  const std::lock_guard lock(places_mutex);
  for (const Place& place : places) {
    if (place.begin.load() == 0) continue;
    struct stat status {};
    if (stat(place.path, &status) != 0) continue;  // gone from the folder, but not from under the mapping
    const Mark now = mark_of(status);
    if (now.device == place.mark.device && now.inode == place.mark.inode && now != place.mark)
      return place.path;
  }
  return {};
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(to_utf8(path)) {
  check_kind(path);
  struct Descriptor {
    int value;
    ~Descriptor() {
      if (value >= 0) close(value);
    }
  };
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) cannot(path, "cannot be opened", errno);
  struct stat status {};
  if (fstat(file.value, &status) != 0) cannot(path, "cannot be measured", errno);
  if (status.st_size == 0) empty(path);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (data == MAP_FAILED) cannot(path, "cannot be mapped", errno);
  data_ = static_cast<const std::byte*>(data);
  size_ = size;
  place_ = take_place(data, size, path_, mark_of(status));
}

MappedFile::~MappedFile() {
  if (!data_ || !mapped_) return;
  give_place_back(place_);
  munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::advise_sequential() const {
  if (mapped_)
    madvise(const_cast<std::byte*>(data_), size_, MADV_SEQUENTIAL);  // only a hint: failure changes nothing
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (!mapped_) return;  // memory of the heap would come back as zeros
  // Only pages that lie wholly inside: their neighbours may be in use. Offsets count from data_, which starts
  // a page.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto first = static_cast<std::size_t>(part.data() - data_);
  const std::size_t begin = (first + page - 1) / page * page, end = (first + part.size()) / page * page;
  if (begin < end) madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

#endif

std::string FileWatch::news() {
  const auto now = std::chrono::steady_clock::now();
  if (told_ || now < next_) return {};
  next_ = now + std::chrono::seconds(1);
  std::string changed = changed_mapped_file();
  told_ = !changed.empty();
  return changed;
}

}  // namespace fulmar
