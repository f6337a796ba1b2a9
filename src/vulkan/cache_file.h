// Files in the cache folder: bytes behind a checksum, since drivers check little more of a pipeline cache
// than its header.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace fulmar::vulkan {

// FNV-1a.
uint64_t checksum(std::span<const std::byte> bytes);

// Empty when the file is absent, cut or damaged.
std::vector<std::byte> read_cache_file(const std::filesystem::path& path);
// Throws when the folder cannot be made or written.
void write_cache_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace fulmar::vulkan
