// States with nothing left to be fed, which is how they can be written to a file or mixed.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "answer/row.h"

namespace fulmar::api::states {

// Answers through the reply, on the connection's strand; what it throws is the answer too.
using WhenClosed = std::function<void(std::vector<StatePtr> states, const std::shared_ptr<http::Reply>& reply)>;

// Has the engine feed what these sessions were not fed yet, each as of its last turn that has ended, and returns. The
// sessions stay as they are. Throws Error, with nothing left running, when the engine refuses.
void close_states(const host::ServedPtr& served, const std::vector<std::string>& ids, const Call& call, WhenClosed then);

}  // namespace fulmar::api::states
