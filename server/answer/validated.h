// Endpoints of families that answer 422, and not 400, where a field is wrong.
#pragma once
#include "answer/row.h"

namespace fulmar::api {

// Runs the endpoint; an Error(bad_request) that names a field is answered 422.
void answer_validated(const Context& context, const Call& call, Endpoint endpoint);

}  // namespace fulmar::api
