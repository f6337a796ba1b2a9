// What an answer has to be because of its tools, alone or beside the form that was asked for.
#pragma once
#include <optional>

#include "fulmar/engine.h"

namespace fulmar::api {

struct AnswerForm {
  std::optional<ConstraintInput> input;  // none: the answer is free
  bool ends_itself = true;               // else the template's stops end it, as those of free answers
};

// `form`: what is wanted of an answer that calls nothing; with tools that need not be called it may be calls instead. Calls that
// are bound are spelled in the way that text/call_reader.h has first: **Tool Call:** and a block of JSON.
AnswerForm answer_form(const TemplateOptions& options, std::optional<ConstraintInput> form);

// Binds the request's answer, whose prompt is there. Throws Error(bad_request), naming the field, for what cannot be kept to.
void bind_answer(const Engine& engine, const TemplateOptions& options, std::optional<ConstraintInput> form, Request& request);

}  // namespace fulmar::api
