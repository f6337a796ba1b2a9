// The name of a request, by which its client finds its line in the log: the one that he sent, or one made here.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace fulmar::http {

// Bytes that a client's own name may have. docs/http-api.md has it.
inline constexpr std::size_t kRequestId = 128;

// Of visible ASCII, so that it is one word of a log's line.
bool is_request_id(std::string_view given);
std::string new_request_id();  // "req_" and 24 digits

}  // namespace fulmar::http
