// fail(): throws an Error with a formatted sentence.
#pragma once
#include <fmt/format.h>

#include "fulmar/error.h"

namespace fulmar {

template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

// A promise this program makes to itself; the message says which one was broken.
template <typename... Args>
void require(bool holds, fmt::format_string<Args...> format, Args&&... args) {
  if (!holds) [[unlikely]]
    fail(ErrorKind::internal, format, std::forward<Args>(args)...);
}

}  // namespace fulmar
