// Values of a schema's keywords, or the error that says what one should be.
#pragma once
#include <optional>
#include <string_view>

#include "text/schema_document.h"

namespace fulmar {

// nullptr where it is not there; throws Error(bad_request) with the sentence `what` where it is of another
// kind.
const JsonNode* keyword(const SchemaDocument& document, SchemaPlace at, std::string_view key,
                        JsonNode::Kind kind, std::string_view what);
std::optional<uint32_t> count_of(const SchemaDocument& document, SchemaPlace at, std::string_view key);

}  // namespace fulmar
