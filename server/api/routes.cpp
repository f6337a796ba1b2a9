// The route table.
#include "api/context.h"
#include "base/fail.h"

namespace fulmar::api {

Engine& Context::ready() const {
  Engine* found = engine.load(std::memory_order_acquire);
  if (!found) fail(ErrorKind::unavailable, "the model is still loading; GET /health says when it is ready");
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return *found;
}

std::vector<http::Route> routes(Context& context) {
  enum class Cost { quick, any };  // quick ones take microseconds and wait for nobody
  using Endpoint = void (*)(const Context&, const http::Request&, const std::shared_ptr<http::Reply>&);
  const auto route = [&context](const char* method, const char* pattern, Endpoint endpoint,
                                Cost cost, bool open = false) {
    return http::Route{
        method, pattern,
        [&context, endpoint](const http::Request& request, const std::shared_ptr<http::Reply>& reply) {
          endpoint(context, request, reply);
        },
        open, cost == Cost::quick};
  };
  return {
      route("GET", "/health", health, Cost::quick, true),
      route("GET", "/v1/models", list_models, Cost::quick),
      route("GET", "/v1/models/{}", get_model, Cost::quick),
      route("POST", "/v1/completions", completions, Cost::any),
      route("POST", "/v1/chat/completions", chat_completions, Cost::any),
      // For clients whose base address lacks the /v1.
      route("GET", "/models", list_models, Cost::quick),
      route("GET", "/models/{}", get_model, Cost::quick),
      route("POST", "/completions", completions, Cost::any),
      route("POST", "/chat/completions", chat_completions, Cost::any),
  };
}

}  // namespace fulmar::api
