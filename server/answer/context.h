// What all endpoints share.
#pragma once
#include <atomic>
#include <cstddef>
#include <string>

#include "answer/child_numbers.h"
#include "answer/profiles.h"
#include "fulmar/engine.h"

namespace fulmar::api {

struct Context {
  std::atomic<Engine*> engine{nullptr};  // null while the model loads; outlives the HTTP threads, but not this
  std::atomic<bool> draining{false};
  ProfileChoice profiles;
  std::string build = "fulmar";  // the program and its version
  std::string password;          // http::ServerOptions::password
  bool state_newline = false;    // an empty line goes before what /state/chat/completions appends to a session
  mutable ChildNumbers child_numbers;
  mutable std::atomic<std::size_t> waiting_text{0};  // bytes of all answers that nobody has taken yet

  // The engine if it may be given work, else throws Error(unavailable).
  Engine& ready() const;
};

}  // namespace fulmar::api
