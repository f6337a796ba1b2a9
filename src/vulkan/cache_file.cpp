// Reading and writing files of the cache folder; see cache_file.h.
#include "vulkan/cache_file.h"

#include <cstring>
#include <fstream>

#include "base/platform.h"

namespace fulmar::vulkan {

uint64_t checksum(std::span<const std::byte> bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte b : bytes) hash = (hash ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
  return hash;
}

std::vector<std::byte> read_cache_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  uint64_t stored = 0;
  constexpr std::streamoff head = sizeof stored;
  if (size <= head) return {};
  std::vector<std::byte> bytes(static_cast<size_t>(size - head));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(&stored), head);
  file.read(reinterpret_cast<char*>(bytes.data()), size - head);
  if (!file || stored != checksum(bytes)) return {};
  return bytes;
}

void write_cache_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const uint64_t sum = checksum(bytes);
  std::vector<std::byte> all(sizeof sum + bytes.size());
  std::memcpy(all.data(), &sum, sizeof sum);
  std::memcpy(all.data() + sizeof sum, bytes.data(), bytes.size());
  std::filesystem::create_directories(path.parent_path());
  replace_file(path, all);
}

}  // namespace fulmar::vulkan
