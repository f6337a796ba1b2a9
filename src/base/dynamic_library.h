// DynamicLibrary: a shared library found at run time, so that a missing driver is an answer and not a link
// error.
#pragma once
#include <optional>
#include <span>
#include <string>

namespace fulmar {

class DynamicLibrary {
 public:
  // Opens the first of `names` that the system's loader finds. Nothing where none can be opened; `why_not`
  // then says what the loader answered for each.
  static std::optional<DynamicLibrary> open(std::span<const char* const> names, std::string& why_not);

  DynamicLibrary(DynamicLibrary&& other) noexcept;
  DynamicLibrary& operator=(DynamicLibrary&& other) noexcept;
  DynamicLibrary(const DynamicLibrary&) = delete;
  DynamicLibrary& operator=(const DynamicLibrary&) = delete;
  ~DynamicLibrary();

  // The symbol's address as a function pointer of type F; null where the library has no such symbol.
  template <typename F>
  F function(const char* symbol) const {
    return reinterpret_cast<F>(address(symbol));
  }
  // The name that was found.
  const std::string& name() const { return name_; }

 private:
  DynamicLibrary(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
  void* address(const char* symbol) const;

  void* handle_ = nullptr;
  std::string name_;
};

}  // namespace fulmar
