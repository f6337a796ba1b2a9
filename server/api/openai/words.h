// How OpenAI words completions, chats and errors.
#pragma once
#include <memory>
#include <string_view>

#include "answer/common_fields.h"
#include "answer/dialect.h"
#include "api/openai/call_words.h"
#include "api/openai/score_words.h"
#include "host/served.h"

namespace fulmar::api::openai {

std::unique_ptr<Dialect> chat_words(const Delivery& delivery, const host::Served& served, CallWords calls = CallWords::tools,
                                    ScoreForm scores = {});
std::unique_ptr<Dialect> completion_words(const Delivery& delivery, const host::Served& served, ScoreForm scores = {});

// {"error":{"message","type","param","code"}}; param and code are null when empty.
http::Response error_words(const http::Failure& failure);
std::string error_json(const http::Failure& failure);

}  // namespace fulmar::api::openai
