// rwkv_lightning's endpoints, one line each in the table of routes.
#pragma once
#include "answer/row.h"

namespace fulmar::api::lightning {

extern const Family family;  // {"error": "sentence"}

void server_status(const Context& context, const Call& call);

}  // namespace fulmar::api::lightning
