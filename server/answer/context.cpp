// When requests are taken.
#include "answer/context.h"

#include "base/fail.h"

namespace fulmar::api {

Engine& Context::ready() const {
  Engine* found = engine.load(std::memory_order_acquire);
  if (!found) fail(ErrorKind::unavailable, "the model is still loading; GET /health says when it is ready");
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return *found;
}

}  // namespace fulmar::api
