// conRWKV's form of OpenAI's endpoints: both paths have one handler, and the body's `prompt` or `messages` says what is
// meant. Its clients know a wrong body by status 422 and FastAPI's list.
#pragma once
#include "answer/row.h"
#include "fulmar/error.h"

namespace fulmar::api::conrwkv {

extern const Family family;

// For Row::when. What is null or empty is not there.
bool has_prompt(const json::object& body);
bool has_no_prompt(const json::object& body);
bool has_no_messages(const json::object& body);
bool has_both(const json::object& body);

// The answer to a body with both.
void refuse_both(const Context& context, const Call& call);

// Answers with 422 where the error is one of the body; false, and no answer, where it is another.
bool answer_invalid(const Error& error, const Call& call);

// Another family's endpoint for its clients.
template <Endpoint endpoint>
void checked(const Context& context, const Call& call) {
  try {
    endpoint(context, call);
  } catch (const Error& error) {
    if (!answer_invalid(error, call)) throw;
  }
}

}  // namespace fulmar::api::conrwkv
