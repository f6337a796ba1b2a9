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

#ifndef _WIN32
// By the XDG specification, which says that a relative path is to be ignored; `otherwise` is below the user's home.
std::filesystem::path folder_of_user(const char* variable, const char* otherwise) {
  const auto named = folder_from(variable);
  if (named.is_absolute()) return named;
  const auto home = folder_from("HOME");
  return home.empty() ? home : home / otherwise;
}
#endif

std::filesystem::path fulmar_in(const std::filesystem::path& base) {
  return base.empty() ? base : base / "fulmar";
}

}  // namespace

std::filesystem::path cache_folder() {
#ifdef _WIN32
  return fulmar_in(folder_from("LOCALAPPDATA"));
#elif defined(__APPLE__)
  return fulmar_in(folder_of_user("XDG_CACHE_HOME", "Library/Caches"));
#else
  return fulmar_in(folder_of_user("XDG_CACHE_HOME", ".cache"));
#endif
}

std::filesystem::path data_folder() {
#ifdef _WIN32
  return fulmar_in(folder_from("APPDATA"));
#elif defined(__APPLE__)
  return fulmar_in(folder_of_user("XDG_DATA_HOME", "Library/Application Support"));
#else
  return fulmar_in(folder_of_user("XDG_DATA_HOME", ".local/share"));
#endif
}

bool make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  const bool made = std::filesystem::create_directory(folder, error);
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return !error && std::filesystem::is_directory(folder, error);
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
