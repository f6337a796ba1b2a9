// Answers that are given when a change of the sessions is durable, without a thread that waits for the disk.
#pragma once
#include <functional>
#include <memory>

#include "answer/row.h"
#include "fulmar/state_store.h"

namespace fulmar::api {

// Makes the answer to a change that came through, on the connection's strand. What it throws is the answer too.
using WhenDurable = std::function<http::Response(const Outcome& outcome)>;

// Returns at once. A change that did not come through is answered by its Error, in the family's words. A client that
// leaves takes nothing back.
void answer_when_durable(StateStore& sessions, Ticket ticket, const Family& family,
                         const std::shared_ptr<http::Reply>& reply, WhenDurable then);

}  // namespace fulmar::api
