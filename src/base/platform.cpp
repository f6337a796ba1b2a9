// What both systems share: folders, replacing files.
#include "base/platform.h"

#include <cstdlib>
#include <system_error>

#include "base/atomic_file.h"

namespace fulmar {
namespace {

std::filesystem::path folder_from(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? std::filesystem::path(value) : std::filesystem::path();
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

std::filesystem::path program_folder() {
  return program_path().parent_path();
}

void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path, AtomicFile::Existing::replace);
  file.write(bytes);
  file.commit();
}

}  // namespace fulmar
