// What requests say of log probabilities.
#pragma once
#include "answer/answer.h"
#include "answer/fields.h"
#include "api/openai/score_words.h"

namespace fulmar::api::openai {

// Of tables that have `logprobs` and `prompt_logprobs`, and `top_logprobs` or `best_of`: to be read after read_common() and
// `echo`. The report of `request`, what of it is shown, and how. Throws Error(bad_request).
ScoreForm read_chat_scores(const Fields& fields, const Engine& engine, Asked& asked, Request& request);
ScoreForm read_completion_scores(const Fields& fields, const Engine& engine, Asked& asked, Request& request);

}  // namespace fulmar::api::openai
