// The server's password, given as a Bearer token.
#pragma once
#include <string_view>

namespace fulmar::http {

// Whether an Authorization header carries the password; an empty password lets everyone in. Takes the same
// time wherever the two differ.
bool authorized(std::string_view authorization, std::string_view password);

}  // namespace fulmar::http
