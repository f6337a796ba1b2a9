// The texts that state_writer keeps: each token follows from the session's name and its place.
#pragma once
#include <string>

#include "fulmar/state.h"

namespace fulmar::test {

inline std::string writer_id(unsigned thread, unsigned session) {
  return "thread-" + std::to_string(thread) + ":session-" + std::to_string(session);
}
inline Token writer_token(const std::string& id, uint64_t place) {
  TokenHash hash;
  for (const char c : id) hash.add(c);
  hash.add(static_cast<Token>(place));
  return hash.value().bytes[15] << 8 | hash.value().bytes[14];
}

}  // namespace fulmar::test
