// The whole server in one call, for `fulmar serve`.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "answer/profiles.h"
#include "host/host.h"
#include "http/server.h"

namespace fulmar::api {

struct ServeOptions {
  http::ServerOptions http;
  ProfileChoice profiles;
  std::string build;  // the program's name and version
  uint32_t max_tokens = 0;     // Context::max_tokens
  bool state_newline = false;  // Context::state_newline
  uint32_t mrss_max = 4;       // Context::mrss_max
  std::string admin_keys[2];   // Context::admin_keys
  std::string key_file;       // of read_key_file(); empty: there is the password alone
  double drain_seconds = 30;  // for requests in flight, after the first SIGTERM or SIGINT
  host::HostOptions host;     // HostOptions::engine's model is loaded first, where it names one
};

// Listens at once (GET /health says 503), loads the first model on the host's thread, prints "listening on http://H:N" on
// stdout when requests are taken, and returns 0 after SIGTERM or SIGINT once the requests in flight have ended or the time
// for that is over. A second signal ends the process at once, and so does the first while the first model loads. Throws
// what loading that threw, and Error when the address cannot be had.
int run_server(ServeOptions options);

}  // namespace fulmar::api
