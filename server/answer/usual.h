// What a served name adds to requests that say nothing: how texts begin, and how they are drawn.
#pragma once
#include <span>

#include "answer/profiles.h"
#include "host/served.h"

namespace fulmar::api {

// The name's own numbers before the model's as it was loaded, these before those of the profile. `profile`: one of
// known_profiles() for a model that was loaded without; empty: its own.
Sampling usual_sampling(const ProfileChoice& choice, const host::Served& served, Asking asking, std::string_view profile = {});

// A request without streams begins as the name's texts do. One that goes on with a session begins so where the session is
// new, for names of one stream; Error(bad_request) for more, whose sessions are one for each.
// Streams of a mixture whose gate is 0 are left out. `gates`, where there are any, count in place of the name's own; those
// that lack are 0, those beyond its streams count for nothing, and so do all where there is one stream.
void begin_as_served(const host::Served& served, Request& request, std::span<const float> gates = {});

}  // namespace fulmar::api
