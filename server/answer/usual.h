// What a served name adds to requests that say nothing: how texts begin, and how they are drawn.
#pragma once
#include "answer/profiles.h"
#include "host/served.h"

namespace fulmar::api {

// The name's own numbers before those of the profile.
Sampling usual_sampling(const ProfileChoice& choice, const host::Served& served, Asking asking);

// A request without streams begins as the name's texts do. One that goes on with a session begins so where the session is
// new, for names of one stream; Error(bad_request) for more, whose sessions are one for each.
void begin_as_served(const host::Served& served, Request& request);

}  // namespace fulmar::api
