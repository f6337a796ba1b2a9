// How a request begins and is drawn where only its model's name says so.
#include "answer/usual.h"

#include <fmt/format.h>

#include "fulmar/error.h"

namespace fulmar::api {

Sampling usual_sampling(const ProfileChoice& choice, const host::Served& served, Asking asking) {
  Sampling sampling = profile_for(choice, served.engine->model(), asking).sampling;
  if (served.usual.temperature) sampling.temperature = *served.usual.temperature;
  if (served.usual.top_p) sampling.top_p = *served.usual.top_p;
  return sampling;
}

void begin_as_served(const host::Served& served, Request& request) {
  if (served.streams.empty()) return;
  if (request.streams.empty()) {
    request.streams = served.streams;
    return;
  }
  if (served.streams.size() > 1 || request.streams.size() > 1)
    throw Error(ErrorKind::bad_request,
                fmt::format("session_id goes with one state, and {} is a mixture of {}", served.id, served.streams.size()),
                "session_id");
  request.streams[0].start = served.streams[0].start;
}

}  // namespace fulmar::api
