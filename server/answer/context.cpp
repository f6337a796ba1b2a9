// When requests are taken.
#include "answer/context.h"

#include "base/fail.h"
#include "host/host.h"

namespace fulmar::api {

host::ServedPtr Context::ready(std::string_view model) const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return host->find(model);
}

host::ServedPtr Context::loaded() const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  host::ServedPtr found = host->current();
  if (!found) fail(ErrorKind::unavailable, "{}", host->why_none());
  return found;
}

StateStore& Context::sessions() const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return host->sessions();
}

host::ServedPtr Context::ready_or_current(std::string_view model) const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return host->find_or_current(model);
}

}  // namespace fulmar::api
