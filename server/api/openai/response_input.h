// What the body of a request for a response says: items as turns of a chat, tools, thoughts and the answer's form.
#pragma once
#include <boost/json/array.hpp>
#include <optional>
#include <string>
#include <vector>

#include "answer/fields.h"
#include "api/openai/response_document.h"
#include "fulmar/engine.h"
#include "fulmar/request.h"

namespace fulmar::api::openai {

// Each of these is in docs/responses.md too.
constexpr size_t kKeptInput = size_t{4} << 20;  // bytes of what is kept of a request, as JSON
constexpr size_t kReferred = 64;                // responses that item_reference may name in one request

struct ResponseInput {
  PromptInput prompt;  // what is new
  json::array items;   // the request's, as GET .../input_items tells them
  json::array tools;   // as the response tells them
  json::value tool_choice;
  std::vector<std::string> told;  // tools that the state will have been told of
  std::optional<ConstraintInput> form;
};

// `body` is the text that the fields were read from, `id` the response's, `previous` the one that it goes on from, or null.
// Throws Error(bad_request) or Error(unsupported), naming the field.
ResponseInput read_response_input(const Fields& fields, std::string_view body, const std::string& id, const KeptResponse* previous,
                                  StateStore& sessions);

// The members `text`, `reasoning` of the response: what was asked for, with what is usual for the rest.
json::object told_text(const Fields& fields);
json::object told_reasoning(const Fields& fields);

}  // namespace fulmar::api::openai
