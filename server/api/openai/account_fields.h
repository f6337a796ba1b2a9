// What OpenAI's clients say about accounts, bills and evaluations, none of which there are here.
#pragma once
#include "answer/answer.h"
#include "answer/fields.h"

namespace fulmar::api::openai {

extern const FieldTable account_fields;       // its base: the fields of all requests for text
extern const FieldTable response_account_fields;  // of responses, which say in their own words of what form an answer is
extern const FieldTable chat_account_fields;  // the same of a chat, which may have tools

// They change nothing, but what is none of their values is refused. Throws Error(bad_request).
void check_account_fields(const Fields& fields);

// What llama.cpp's clients want to be told beside: how long it took, and how far it is.
void read_llama_fields(const Fields& fields, Asked& asked, Request& request);

}  // namespace fulmar::api::openai
