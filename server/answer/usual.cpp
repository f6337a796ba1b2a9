// How a request begins and is drawn where only its model's name says so.
#include "answer/usual.h"

#include <fmt/format.h>

#include <algorithm>

#include "fulmar/error.h"

namespace fulmar::api {

Sampling usual_sampling(const ProfileChoice& choice, const host::Served& served, Asking asking, std::string_view profile) {
  const std::string_view name = served.base.profile.empty() ? profile : served.base.profile;
  const auto known = std::ranges::find(known_profiles(), name, &SamplingProfile::name);
  const bool is_named = !choice.fixed && known != known_profiles().end();
  Sampling sampling = (is_named ? *known : profile_for(choice, served.engine->model(), asking)).sampling;
  for (const host::Usual* usual : {&served.base, &served.usual}) {
    if (usual->temperature) sampling.temperature = *usual->temperature;
    if (usual->top_p) sampling.top_p = *usual->top_p;
  }
  return sampling;
}

void begin_as_served(const host::Served& served, Request& request, std::span<const float> gates) {
  if (served.streams.empty()) return;
  if (request.streams.empty()) {
    request.streams = served.streams;
    if (request.streams.size() == 1) return;
    if (!gates.empty())
      for (size_t k = 0; k < request.streams.size(); ++k) request.streams[k].gate = k < gates.size() ? gates[k] : 0;
    std::erase_if(request.streams, [](const Stream& stream) { return stream.gate == 0; });
    if (request.streams.empty())
      throw Error(ErrorKind::bad_request,
                  fmt::format("mrss_gatingweight leaves nothing of {}, which mixes {} states: all its gates are 0", served.id,
                              served.streams.size()),
                  "mrss_gatingweight");
    return;
  }
  if (served.streams.size() > 1 || request.streams.size() > 1)
    throw Error(ErrorKind::bad_request,
                fmt::format("session_id goes with one state, and {} is a mixture of {}", served.id, served.streams.size()),
                "session_id");
  request.streams[0].start = served.streams[0].start;
}

}  // namespace fulmar::api
