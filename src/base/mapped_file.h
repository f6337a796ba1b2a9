// MappedFile: a whole file as read-only bytes that the system pages in when they are touched.
#pragma once
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
  // A hint that the file will be read from front to back, so that the system reads ahead.
  void advise_sequential() const;
  // A hint that `part` (of bytes()) will not be read again soon: the whole pages inside it may leave memory.
  // They come back from the file when they are touched.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = true;
};

// A path as UTF-8 text for messages.
std::string to_utf8(const std::filesystem::path& path);

}  // namespace fulmar
