// What Ollama's requests for text have in common.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "answer/common_fields.h"
#include "answer/row.h"
#include "fulmar/request.h"

namespace fulmar::api::ollama {

// A model's name in the request, without the tag that says nothing: "fulmar-demo:latest" is fulmar-demo.
std::string_view model_id(const Call& call);
// And as answers repeat it: as the client spells it, else the model's own.
std::string_view model_said(const Call& call, const host::Served& served);

// Seconds that the model stays when nobody asks for it: 0: it goes at once; less: it stays. Throws Error(bad_request).
std::optional<double> read_keep_alive(const Fields& fields);
// Tells the host.
void keep_alive(const Context& context, const host::Served& served, std::optional<double> seconds);

// Answers a request that asks for nothing but that the model is there, or with keep_alive 0 that it goes. `members`: what
// stands in the answer before done_reason: "\"response\":\"\"".
void load_or_unload(const Context& context, const Call& call, const Fields& fields, std::string_view members);

void read_think(const Fields& fields, TemplateOptions& options);
// The map "options" of `fields`, into all of `request` but its prompt.
void read_options(const Fields& fields, const Context& context, const Call& call, uint32_t vocab, const Sampling& usual, Request& request);

}  // namespace fulmar::api::ollama
