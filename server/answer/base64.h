// Numbers as text, as OpenAI's clients ask for them.
#pragma once
#include <span>
#include <string>

namespace fulmar::api {

// The bytes of the floats, lowest first, in base64 with padding (RFC 4648, section 4).
std::string base64_floats(std::span<const float> numbers);

}  // namespace fulmar::api
