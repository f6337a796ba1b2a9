// Holds answers against /openapi.json: what a client gets that is not described there is a fault of the description.
#pragma once
#include <string>
#include <string_view>

namespace fulmar::test {

// What is wrong with an answer by what the document says of the route; empty: nothing, or there is no such route. `target`: with
// or without a query.
std::string undocumented(std::string_view method, std::string_view target, int status, std::string_view content_type,
                         std::string_view body);

}  // namespace fulmar::test
