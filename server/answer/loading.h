// Requests that have a model loaded or unloaded: answered when that is done, without a thread that waits.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "answer/row.h"
#include "fulmar/model.h"
#include "host/served.h"

namespace fulmar::api {

// Makes the answer to what came through, on the host's thread. What it throws is the answer too.
using WhenLoaded = std::function<http::Response()>;

// What a family makes of the error that a load ended with, where it knows another for it.
using Recast = Error (*)(const Error& error);

// Returns at once; see Host::load() for what it throws. A load that fails is answered by its Error, in the family's words. A
// client that leaves takes nothing back. `grace`: seconds, or --swap-seconds where nothing is given.
void answer_when_loaded(const Context& context, ModelSpec spec, std::optional<double> grace, const Call& call, WhenLoaded then,
                        host::Usual usual = {}, Recast recast = nullptr);
// Likewise; without an id the current model.
void answer_when_unloaded(const Context& context, std::string_view id, std::optional<double> grace, const Call& call,
                          WhenLoaded then);

}  // namespace fulmar::api
