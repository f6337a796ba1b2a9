// What an answer has to be because of its tools, alone or beside the form that was asked for.
#pragma once
#include <optional>

#include "fulmar/engine.h"

namespace fulmar::api {

// Binds the request's answer, whose prompt is there. `form`: what is wanted of an answer that calls nothing; with tools that
// need not be called it may be calls instead. Calls that are bound are spelled in the way that text/call_reader.h has first:
// **Tool Call:** and a block of JSON. Throws Error(bad_request), naming the field, for what cannot be kept to, and for a form of
// an answer that has to be calls.
void bind_answer(const Engine& engine, const TemplateOptions& options, std::optional<ConstraintInput> form, Request& request);

}  // namespace fulmar::api
