// When requests are taken, and what their holders see.
#include "answer/context.h"

#include "answer/behalf.h"
#include "base/fail.h"
#include "host/host.h"

namespace fulmar::api {

// What was found, as whoever asks may see it. A model that is not there yet is not loaded for who may not use it.
template <typename Find>
host::ServedPtr Context::seen(const Find& find) const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  host::ServedPtr found;
  try {
    found = find();
  } catch (const host::NotResident& missing) {
    Behalf::check_model(missing.id);
    throw;
  }
  Behalf::check_model(found->id);
  if (Behalf::tenant().empty()) return found;
  auto own = std::make_shared<host::Served>(*found);
  own->engine = tenants.engine(found->engine, Behalf::tenant());
  return own;
}

host::ServedPtr Context::ready(std::string_view model) const {
  return seen([&] { return host->find(model); });
}

host::ServedPtr Context::loaded() const {
  return seen([&] {
    host::ServedPtr found = host->current();
    if (!found) fail(ErrorKind::unavailable, "{}", host->why_none());
    return found;
  });
}

StateStore& Context::sessions() const {
  if (draining) fail(ErrorKind::unavailable, "the server is shutting down");
  return tenants.store(host->sessions(), Behalf::tenant());
}

host::ServedPtr Context::ready_or_current(std::string_view model) const {
  return seen([&] { return host->find_or_current(model); });
}

}  // namespace fulmar::api
