// Every endpoint there is.
#pragma once
#include "answer/row.h"

namespace fulmar::api {

// The table itself.
std::vector<Row> all_rows();

// Hands requests to the endpoints. The context must outlive the server.
http::Router make_router(const Context& context);

// Those that belong to no family.
void health(const Context& context, const Call& call);
void metrics(const Context& context, const Call& call);
void openapi(const Context& context, const Call& call);
extern const Shape health_answer, openapi_answer;

// What GET /openapi.json says.
json::object openapi_document(const Context& context);

}  // namespace fulmar::api
