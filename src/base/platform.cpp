// What both systems share: folders, replacing files.
#include "base/platform.h"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <system_error>

#include "base/fail.h"
#include "base/mapped_file.h"

namespace fulmar {
namespace {

std::filesystem::path folder_from(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? std::filesystem::path(value) : std::filesystem::path();
}

// A name no other thread or process picks.
std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<uint32_t> count = std::random_device{}();
  std::filesystem::path name = path;
  name += fmt::format(".{:08x}{:08x}.tmp", std::random_device{}(), ++count);
  return name;
}

}  // namespace

std::filesystem::path cache_folder() {
#ifdef _WIN32
  const auto base = folder_from("LOCALAPPDATA");
#else
  auto base = folder_from("XDG_CACHE_HOME");
  if (!base.is_absolute()) {  // the XDG specification: a relative path is to be ignored
    base = folder_from("HOME");
#ifdef __APPLE__
    if (!base.empty()) base = base / "Library" / "Caches";
#else
    if (!base.empty()) base /= ".cache";
#endif
  }
#endif
  return base.empty() ? base : base / "fulmar";
}

void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::filesystem::path temporary = temporary_beside(path);
  std::error_code error;
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    if (!out) fail(ErrorKind::bad_file, "{}: cannot be written here", to_utf8(temporary));
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) {
      std::filesystem::remove(temporary, error);
      fail(ErrorKind::bad_file, "{}: could not write {} bytes (is the disk full?)", to_utf8(path),
           bytes.size());
    }
  }
  std::filesystem::rename(temporary, path, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    fail(ErrorKind::bad_file, "{}: cannot be replaced: {}", to_utf8(path), error.message());
  }
}

}  // namespace fulmar
