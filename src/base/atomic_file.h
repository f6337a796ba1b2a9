// AtomicFile: a file that appears under its name when it is complete, or never.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace fulmar {

class AtomicFile {
 public:
  enum class Existing { refuse, replace };  // what to do about a file of that name
  // Makes a temporary file in the folder of `path`. Throws Error(bad_file) naming path and reason: there is
  // no such folder, it may not be written, or `path` is a folder; Error(misuse) where it exists and is not to
  // be replaced.
  AtomicFile(std::filesystem::path path, Existing existing);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  // Removes the temporary file unless it was committed.
  ~AtomicFile();

  // Throws Error(bad_file) where the disk has less than `bytes` left.
  void expect(uint64_t bytes) const;
  // Appends.
  void write(std::span<const std::byte> bytes);
  uint64_t size() const { return size_; }
  // Sees to it that the bytes are on the disk, then gives the file its name.
  void commit();

 private:
  void close();

  std::filesystem::path path_, temporary_;
  Existing existing_;
  intptr_t handle_ = -1;
  uint64_t size_ = 0;
};

// Removes the temporary files of all that were neither committed nor given up, for a program that ends
// without unwinding. May be called in a signal handler; Windows has none that needs it, and does nothing.
void remove_unfinished_files();

}  // namespace fulmar
