// The server's password, given as a Bearer token or in a body.
#pragma once
#include <string_view>

namespace fulmar::http {

// What an Authorization header carries as a Bearer token; empty where it is something else.
std::string_view bearer_of(std::string_view authorization);
// Whether that is the password; an empty password lets everyone in. Takes the same time wherever the two differ.
bool is_password(std::string_view given, std::string_view password);

}  // namespace fulmar::http
