// Answers as text: the fixed parts are made once, only the text itself is escaped per token.
#include "api/wording.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "base/json_text.h"

namespace fulmar::api {
namespace {

std::string random_id() {
  thread_local std::mt19937_64 random{(uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  return fmt::format("{:016x}{:08x}", random(), static_cast<uint32_t>(random()));
}

std::string_view finish_json(Finish finish) {
  switch (finish) {
    case Finish::stop:
      return "\"stop\"";
    case Finish::length:
      return "\"length\"";
    default:
      return "null";
  }
}

std::string usage_json(const Usage& usage) {
  return fmt::format(R"("usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{}}})",
                     usage.prompt, usage.completion, usage.prompt + usage.completion);
}

}  // namespace

Wording::Wording(bool chat, bool stream, bool include_usage, std::string_view model) : chat_(chat) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  head_ = fmt::format(R"({{"id":"{}-{}","object":"{}","created":{},"model":{},"choices":)",
                      chat ? "chatcmpl" : "cmpl", random_id(),
                      !chat    ? "text_completion"
                      : stream ? "chat.completion.chunk"
                               : "chat.completion",
                      std::chrono::duration_cast<std::chrono::seconds>(now).count(), json_quoted(model));
  tail_ = include_usage ? ",\"usage\":null}" : "}";
}

std::string Wording::around(std::string_view choices) const {
  return fmt::format("{}[{}]{}", head_, choices, tail_);
}

std::string Wording::opening(uint32_t index) const {
  return around(fmt::format(
      R"({{"index":{},"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}})",
      index));
}

std::string Wording::chunk(uint32_t index, std::string_view text, Finish finish) const {
  if (!chat_)
    return around(fmt::format(R"({{"index":{},"text":{},"logprobs":null,"finish_reason":{}}})", index,
                              json_quoted(text), finish_json(finish)));
  return around(fmt::format(R"({{"index":{},"delta":{{{}}},"logprobs":null,"finish_reason":{}}})", index,
                            text.empty() ? "" : "\"content\":" + json_quoted(text), finish_json(finish)));
}

std::string Wording::usage_chunk(const Usage& usage) const {
  return fmt::format("{}[],{}}}", head_, usage_json(usage));
}

std::string Wording::begin() const {
  return head_ + '[';
}

std::string Wording::choice_begin(uint32_t index) const {
  return fmt::format(R"({{"index":{},{}")", index,
                     chat_ ? R"("message":{"role":"assistant","content":)" : R"("text":)");
}

std::string Wording::choice_end(Finish finish) const {
  return fmt::format(R"("{},"logprobs":null,"finish_reason":{}}})", chat_ ? R"(,"refusal":null})" : "",
                     finish_json(finish));
}

std::string Wording::end(const Usage& usage) const {
  return fmt::format("],{}}}", usage_json(usage));
}

}  // namespace fulmar::api
