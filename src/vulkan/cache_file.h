// The pipeline cache's file: the driver's bytes behind a checksum, since drivers check little more than their
// header.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace fulmar::vulkan {

// Empty when the file is absent, cut or damaged.
std::vector<std::byte> read_cache_file(const std::filesystem::path& path);
// Throws when the folder cannot be made or written.
void write_cache_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace fulmar::vulkan
