// What all endpoints share.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer/child_numbers.h"
#include "answer/measures.h"
#include "answer/profiles.h"
#include "answer/running.h"
#include "answer/standing.h"
#include "answer/tenants.h"
#include "host/served.h"
#include "http/keys.h"
#include "http/traffic.h"

namespace fulmar::host {
class Host;
}

namespace fulmar::api {

constexpr std::size_t kWaitingBodies = std::size_t{64} << 20;  // docs/http-api.md has it

struct Context {
  host::Host* host = nullptr;  // outlives the HTTP threads, but not this
  std::atomic<bool> draining{false};
  ProfileChoice profiles;
  std::string build = "fulmar";  // the program and its version
  std::string password;          // http::ServerOptions::password and keys
  std::shared_ptr<http::Keys> keys;
  uint32_t max_tokens = 0;       // of an answer whose request says nothing; 0: as its family has it
  bool state_newline = false;    // an empty line goes before what /state/chat/completions appends to a session
  uint32_t mrss_max = 4;         // tuned states of one mixture
  std::string admin_keys[2];     // who sends both may end the server; empty: nobody may
  std::function<void()> stop;    // as SIGTERM does; returns at once
  bool own_machine_only = false; // nobody else reaches the server
  mutable Measures measures;
  mutable std::vector<std::shared_ptr<http::Traffic>> traffic;  // of the routes, which make_routes() adds
  mutable ChildNumbers child_numbers;
  mutable Tenants tenants;
  mutable Running running;
  mutable Standing standing;     // what RWKV-Runner's clients set
  mutable std::atomic<std::size_t> waiting_bodies{0};  // bytes of requests that wait for their models
  mutable std::atomic<std::size_t> waiting_text{0};  // bytes of all answers that nobody has taken yet

  // Whether anything is asked for, and who has this word, in a body; null: nobody.
  bool asks() const { return keys ? keys->asks() : !password.empty(); }
  http::HolderPtr holder_of(std::string_view word) const { return keys ? keys->find(word) : http::Keys(password).find(word); }

  // All of these look through the eyes of the holder of the key that the request came with (behalf.h): his models are
  // there alone, and his sessions.
  //
  // What serves requests for a model of that name, none: the current one; whoever works with it keeps it until that is done.
  // Throws Error(unavailable) where nothing is to be given work, and as Host::find() does.
  host::ServedPtr ready(std::string_view model = {}) const;
  // For who only looks: the current model, where it is loaded, else the one that was asked last. Nothing is loaded for it.
  // Throws Error(unavailable) where there is none.
  host::ServedPtr loaded() const;
  // Sessions are there whatever is loaded. Throws Error(unavailable) as ready() does while draining.
  StateStore& sessions() const;
  // As ready(), where a name that is none of a model's is only the client's own word for the current one.
  host::ServedPtr ready_or_current(std::string_view model) const;

 private:
  template <typename Find>
  host::ServedPtr seen(const Find& find) const;
};

}  // namespace fulmar::api
