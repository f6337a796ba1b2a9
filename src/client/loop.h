// The client's thread: all its connections, and the handlers where they run on it.
#pragma once
#include <memory>

#include "client/calls.h"
#include "client/exchange.h"

namespace fulmar::client::impl {

// Returns when the calls are closed.
void run_loop(const std::shared_ptr<Calls>& calls, const Server& server, const Timeouts& timeouts, bool delivers);

}  // namespace fulmar::client::impl
