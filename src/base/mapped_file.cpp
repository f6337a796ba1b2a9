// mmap() and MapViewOfFile() behind MappedFile.
#include "base/mapped_file.h"

#include <system_error>

#include "base/fail.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace fulmar {
namespace {

[[noreturn]] void cannot(const std::filesystem::path& path, const char* what, int error) {
  fail(ErrorKind::bad_file, "{}: {}: {}", to_utf8(path), what, std::system_category().message(error));
}

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

// Unlocking pages that are not locked takes them out of the working set; the failure it reports is expected.
void MappedFile::release(std::span<const std::byte> part) const {
  if (mapped_) VirtualUnlock(const_cast<std::byte*>(part.data()), part.size());
}

#else

MappedFile::MappedFile(const std::filesystem::path& path) {
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
}

MappedFile::~MappedFile() {
  if (data_ && mapped_) munmap(const_cast<std::byte*>(data_), size_);
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

}  // namespace fulmar
