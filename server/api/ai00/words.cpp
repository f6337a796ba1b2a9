// Answers as text, and the family's errors.
#include "api/ai00/words.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "api/ai00/ai00.h"
#include "base/json_text.h"
#include "http/sse.h"

namespace fulmar::api::ai00 {
namespace {

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = fmt::format(R"({{"error":{{"code":{},"name":{},"brief":{}}}}})", failure.status,
                              json_quoted(http::reason_of(failure.status)), json_quoted(failure.message));
  return response;
}

std::string_view finish_json(Finish finish) {
  switch (finish) {
    case Finish::none:
      return "null";
    case Finish::length:
      return "\"length\"";
    default:
      return "\"stop\"";
  }
}

std::string usage_json(const Usage& usage) {
  const uint64_t nanoseconds = usage.times.prompt + usage.times.drawing;
  return fmt::format(R"("usage":{{"prompt":{},"completion":{},"total":{},"duration":{{"secs":{},"nanos":{}}}}})", usage.prompt,
                     usage.completion, usage.prompt + usage.completion, nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000);
}

// What both have in common: an object around a list of choices.
class Words : public Dialect {
 public:
  Words(std::string_view object, const Delivery& delivery, std::string_view model)
      : head_(fmt::format(R"({{"object":"{}{}","model":{},"choices":[)", object, delivery.stream ? ".chunk" : "", json_quoted(model))) {}

  http::Response stream_head() const override { return http::sse_head(); }
  void end(const Usage&, std::string& out) override { out += http::sse_event("[DONE]"); }
  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event(error_words(failure).body); }

  void begin_whole(std::string& out) override { out += head_; }
  void end_whole(const Usage& usage, std::string& out) override { out += fmt::format("],{}}}", usage_json(usage)); }

 protected:
  void chunk(uint32_t index, std::string_view delta, Finish finish, std::string& out) const {
    out += http::sse_event(fmt::format(R"({}{{"delta":{{{}}},"index":{},"finish_reason":{}}}]}})", head_, delta, index, finish_json(finish)));
  }

 private:
  const std::string head_;  // up to the first choice
};

class CompletionWords final : public Words {
 public:
  CompletionWords(const Delivery& delivery, std::string_view model) : Words("text_completion", delivery, model) {}

  void open(uint32_t, std::string&) override {}
  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.text.empty()) chunk(said.index, "\"content\":" + json_quoted(said.text), Finish::none, out);
      if (said.finish != Finish::none) chunk(said.index, {}, said.finish, out);
    }
  }
  void begin_choice(uint32_t index, const Outline&, std::string& out) override { out += index > 0 ? R"(,{"text":")" : R"({"text":")"; }
  void end_thought(std::string&) override {}  // there is none
  void end_choice(uint32_t index, const Ending& ending, std::string& out) override {
    out += fmt::format(R"(","index":{},"finish_reason":{}}})", index, finish_json(ending.finish));
  }
};

class ChatWords final : public Words {
 public:
  ChatWords(const Delivery& delivery, std::string_view model) : Words("chat.completion", delivery, model), begun_(delivery.choices) {}

  void open(uint32_t index, std::string& out) override { chunk(index, R"("role":"Assistant")", Finish::none, out); }
  // Without the white space in front.
  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      std::string_view text = said.text;
      if (!begun_[said.index]) text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
      if (!text.empty()) chunk(said.index, "\"content\":" + json_quoted(text), Finish::none, out);
      if (!text.empty()) begun_[said.index] = true;
      if (said.finish != Finish::none) chunk(said.index, {}, said.finish, out);
    }
  }
  void begin_choice(uint32_t index, const Outline&, std::string& out) override {
    out += index > 0 ? "," : "";
    out += R"({"message":{"role":"Assistant","content":")";
  }
  void end_thought(std::string&) override {}  // there is none
  void end_choice(uint32_t index, const Ending& ending, std::string& out) override {
    out += fmt::format(R"("}},"index":{},"finish_reason":{}}})", index, finish_json(ending.finish));
  }

 private:
  std::vector<bool> begun_;
};

constexpr Shape usage_shape{"ai00's usage", R"({
  "prompt": "integer", "completion": "integer", "total": "integer", "duration": {"secs": "integer", "nanos": "integer"}})"};

}  // namespace

constexpr Shape completion_answer{"ai00's completion", R"({
  "object": "=text_completion", "model": "text", "choices": [{"text": "text", "index": "integer", "finish_reason": "=stop|=length"}],
  "usage": "@ai00's usage"})", {&usage_shape}};
constexpr Shape chat_answer{"ai00's chat", R"({
  "object": "=chat.completion", "model": "text",
  "choices": [{"message": {"role": "=Assistant", "content": "text"}, "index": "integer", "finish_reason": "=stop|=length"}],
  "usage": "@ai00's usage"})", {&usage_shape}};

constexpr Family family{"ai00", error_words, 256};

std::unique_ptr<Dialect> chat_words(const Delivery& delivery, std::string_view model) {
  return std::make_unique<ChatWords>(delivery, model);
}

std::unique_ptr<Dialect> completion_words(const Delivery& delivery, std::string_view model) {
  return std::make_unique<CompletionWords>(delivery, model);
}

}  // namespace fulmar::api::ai00
