// dlopen() and LoadLibrary() behind DynamicLibrary.
#include "base/dynamic_library.h"

#include <utility>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace fulmar {
namespace {

#ifdef _WIN32

// Only the system's own folders and the program's: a library planted in the working directory is not loaded.
void* open_one(const char* name, std::string& reason) {
  void* handle = LoadLibraryExA(name, nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (!handle) reason = std::string(name) + ": Windows error " + std::to_string(GetLastError());
  return handle;
}
void close_one(void* handle) {
  FreeLibrary(static_cast<HMODULE>(handle));
}
void* find_in(void* handle, const char* symbol) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle), symbol));
}

#else

void* open_one(const char* name, std::string& reason) {
  void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* text = dlerror();  // "libvulkan.so.1: cannot open shared object file: ..."
    reason = text ? text : std::string(name) + ": cannot be opened";
  }
  return handle;
}
void close_one(void* handle) {
  dlclose(handle);
}
void* find_in(void* handle, const char* symbol) {
  return dlsym(handle, symbol);
}

#endif

}  // namespace

std::optional<DynamicLibrary> DynamicLibrary::open(std::span<const char* const> names, std::string& why_not) {
  why_not.clear();
  for (const char* name : names) {
    std::string reason;
    if (void* handle = open_one(name, reason)) {
      why_not.clear();
      return DynamicLibrary(handle, name);
    }
    why_not += (why_not.empty() ? "" : "; ") + reason;
  }
  return std::nullopt;
}

DynamicLibrary::DynamicLibrary(DynamicLibrary&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)) {}

DynamicLibrary& DynamicLibrary::operator=(DynamicLibrary&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(name_, other.name_);
  return *this;
}

DynamicLibrary::~DynamicLibrary() {
  if (handle_) close_one(handle_);
}

void* DynamicLibrary::address(const char* symbol) const {
  return handle_ ? find_in(handle_, symbol) : nullptr;
}

}  // namespace fulmar
