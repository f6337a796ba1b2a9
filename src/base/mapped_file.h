// MappedFile: a whole file as read-only bytes that the system pages in when they are touched; and what to do
// about files that change meanwhile.
#pragma once
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace fulmar {

class MappedFile {
 public:
  // Throws Error(not_found) where there is no such file, Error(bad_file) where it is a directory, empty or
  // unreadable.
  explicit MappedFile(const std::filesystem::path& path);
  // Bytes that are in memory already and stay the caller's; the hints do nothing.
  explicit MappedFile(std::span<const std::byte> bytes)
      : data_(bytes.data()), size_(bytes.size()), mapped_(false) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // A hint that the file will be read from front to back, so that the system reads ahead; until
  // end_sequential_reading().
  void advise_sequential() const;
  // A hint that `part` (of bytes()) will not be read again soon: the whole pages inside it may leave memory.
  // They come back from the file when they are touched.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = true;
  std::string path_;       // as it was given
  std::size_t place_ = 0;  // in the list of all mapped files
};

// Once what is mapped has been read: the system drops pages that were advised as sequential before all
// others, though a model on the CPU reads them at every step.
void end_sequential_reading();

// From here on, a mapped file that shrinks or that cannot be read any more ends the program with one line on
// stderr, which names the file, and exit code 1; else it is a bare SIGBUS. Temporary files of AtomicFile are
// removed. Nothing to do on Windows, where a mapped file cannot be changed.
void explain_lost_files();

// A file whose bytes changed in place after it was mapped, by its size or its time of change; empty where
// there is none. One that took the name of a mapped file is another file, and harmless.
std::string changed_mapped_file();

// Asks for changed files now and then while a program runs.
class FileWatch {
 public:
  // The first that changed, once; looks at most once a second, which takes microseconds a file.
  std::string news();

 private:
  std::chrono::steady_clock::time_point next_{};
  bool told_ = false;
};

// A path as UTF-8 text for messages.
std::string to_utf8(const std::filesystem::path& path);

// Throws Error(bad_file): the path, `what` and the words of the system for its `error`.
[[noreturn]] void cannot(const std::filesystem::path& path, const char* what, int error);

}  // namespace fulmar
