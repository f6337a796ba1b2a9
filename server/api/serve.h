// The whole server in one call, for `fulmar serve`.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "answer/profiles.h"
#include "fulmar/engine.h"
#include "http/server.h"

namespace fulmar::api {

struct ServeOptions {
  http::ServerOptions http;
  ProfileChoice profiles;
  std::string build;  // the program's name and version
  bool state_newline = false;  // Context::state_newline
  double drain_seconds = 30;  // for requests in flight, after the first SIGTERM or SIGINT
};

// Listens at once (GET /health says 503), loads the engine through `make_engine` on another thread, prints
// "listening on http://H:N" on stdout when requests are taken, and returns 0 after SIGTERM or SIGINT once the
// requests in flight have ended or the time for that is over. A second signal ends the process at once, and
// so does the first while the model loads. Throws what `make_engine` threw, and Error when the address cannot
// be had.
int run_server(const ServeOptions& options, const std::function<std::unique_ptr<Engine>()>& make_engine);

}  // namespace fulmar::api
