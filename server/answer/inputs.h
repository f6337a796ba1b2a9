// Texts as completions and embeddings take them: one or several, in words or in tokens.
#pragma once
#include <vector>

#include "answer/fields.h"
#include "fulmar/request.h"

namespace fulmar::api {

// An error of entry i of a list says which that is: "input[17] ..." for "input ...".
Error of_entry(const Error& error, std::string_view field, size_t i);

// "text", ["text", ...], [1, 2, ...] or [[1, 2, ...], ...]. Throws Error(bad_request) naming the field.
std::vector<PromptInput> read_inputs(const Fields& fields, std::string_view field, uint32_t vocab);

}  // namespace fulmar::api
