// A long text in parts that are put into words one at a time.
#pragma once
#include <string>
#include <string_view>

namespace fulmar::api {

// The first bytes of a text that are one part: up to kPartBytes, cut where a character begins.
std::string_view first_part(std::string_view text);
// Takes the first part of `from`.
std::string take_part(std::string& from);
// Without the white space around it.
void trim(std::string& text);

}  // namespace fulmar::api
