// The server's password, given as a Bearer token or in a body.
#pragma once
#include <string_view>

namespace fulmar::http {

// Whether an Authorization header carries the password; an empty password lets everyone in. Takes the same
// time wherever the two differ.
bool authorized(std::string_view authorization, std::string_view password);
// The same of the word itself.
bool is_password(std::string_view given, std::string_view password);

}  // namespace fulmar::http
