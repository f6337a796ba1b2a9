// Several texts in one request, each continued for itself, in native words.
#pragma once
#include <string>
#include <vector>

#include "api/lightning/native_fields.h"
#include "api/lightning/words.h"

namespace fulmar::api::lightning {

// `prompts` in place of the native request's contents. Text i is drawn with the request's seed plus i. Throws Error(bad_request)
// where there is none, and what the engine refuses.
void give_batch(const Context& context, const host::ServedPtr& served, Native native, const std::vector<PromptInput>& prompts,
                NativeHead head, const Call& call);

// As they are.
std::vector<PromptInput> as_prompts(const std::vector<std::string>& texts);

}  // namespace fulmar::api::lightning
