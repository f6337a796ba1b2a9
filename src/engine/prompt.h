// Makes a prompt of what a client sent: chat template, limits, tokens.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "fulmar/error.h"
#include "fulmar/request.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace fulmar {

// `chat`: the template that the model speaks. Throws Error(bad_request) naming the field. What is too long for `max_tokens` is refused before it costs
// more than a look at its size, or one pass of the tokenizer over 16 bytes for each.
std::shared_ptr<const Prompt> make_prompt(const PromptInput& input, const Tokenizer& tokenizer,
                                          uint32_t vocab, uint32_t max_tokens, const TemplateChoice& chat);

// What a prompt weighs while it waits: its tokens, or a sixteenth of the text's bytes that are kept with it.
uint64_t weight_of(const Prompt& prompt);
uint64_t weight_of(const Request& request);  // both of its prompts

// Throws Error(bad_request) that begins with the field.
template <typename... Args>
[[noreturn]] void refuse_field(const char* field, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::bad_request,
              fmt::format("{}: {}", field, fmt::format(format, std::forward<Args>(args)...)), field);
}
void check_token(const char* field, Token token, uint32_t vocab);

}  // namespace fulmar
