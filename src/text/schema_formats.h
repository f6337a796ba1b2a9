// Sets of strings that a schema names: by a regular expression or by the name of a format.
#pragma once
#include <string_view>

#include "text/schema_sets.h"

namespace fulmar {

// Texts with a match anywhere in them, as JSON Schema's `pattern` means it. Throws Error(bad_request).
TextSet matching(std::string_view pattern);
// date, time, date-time, duration, email, hostname, ipv4, ipv6, uuid. All texts for any other name, which
// then is only a remark.
TextSet texts_of_format(std::string_view name);

}  // namespace fulmar
