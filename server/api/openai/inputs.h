// Texts as completions and embeddings take them: one or several, in words or in tokens.
#pragma once
#include <vector>

#include "answer/fields.h"
#include "fulmar/request.h"

namespace fulmar::api::openai {

// "text", ["text", ...], [1, 2, ...] or [[1, 2, ...], ...]. Throws Error(bad_request) naming the field.
std::vector<PromptInput> read_inputs(const Fields& fields, std::string_view field, uint32_t vocab);

}  // namespace fulmar::api::openai
