// Answers as text: the fixed parts are made once, only the text itself is escaped per token.
#include "api/openai/words.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "base/json_text.h"
#include "http/sse.h"

namespace fulmar::api::openai {
namespace {

std::string random_id() {
  thread_local std::mt19937_64 random{(uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  return fmt::format("{:016x}{:08x}", random(), static_cast<uint32_t>(random()));
}

std::string_view finish_json(Finish finish) {
  switch (finish) {
    case Finish::stop:
      return "\"stop\"";
    case Finish::called:
      return "\"tool_calls\"";
    case Finish::length:
      return "\"length\"";
    default:
      return "null";
  }
}

std::string usage_json(const Usage& usage, bool details) {
  std::string json = fmt::format(R"("usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{})",
                                 usage.prompt, usage.completion, usage.prompt + usage.completion);
  json += fmt::format(R"(,"prompt_tokens_details":{{"cached_tokens":{}}})", usage.cached);
  if (details) json += fmt::format(R"(,"completion_tokens_details":{{"reasoning_tokens":{}}})", usage.thought);
  return json += '}';
}

// What both have in common: an object around a list of choices.
class Words : public Dialect {
 public:
  Words(std::string_view prefix, std::string_view object, const Delivery& delivery, std::string_view model)
      : usage_(delivery.include_usage), thinks_(prefix == "chatcmpl") {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    head_ = fmt::format(R"({{"id":"{}-{}","object":"{}","created":{},"model":{},"choices":)", prefix, random_id(),
                        object, std::chrono::duration_cast<std::chrono::seconds>(now).count(), json_quoted(model));
  }

  http::Response stream_head() const override { return http::sse_head(); }

  void end(const Usage& usage, std::string& out) override {
    if (usage_) out += http::sse_event(fmt::format("{}[],{}}}", head_, usage_json(usage, thinks_)));
    out += http::sse_event("[DONE]");
  }

  // Once a stream has begun its status is sent, so an error is an event.
  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event(error_json(failure)); }

  void begin_whole(std::string& out) override { out += head_ + '['; }
  void end_whole(const Usage& usage, std::string& out) override { out += fmt::format("],{}}}", usage_json(usage, thinks_)); }

 protected:
  // A stream's chunk with one choice.
  void chunk(std::string_view choice, std::string& out) const {
    out += http::sse_event(fmt::format("{}[{}]{}", head_, choice, usage_ ? ",\"usage\":null}" : "}"));
  }

 private:
  const bool usage_, thinks_;
  std::string head_;  // up to "choices":
};

class CompletionWords final : public Words {
 public:
  CompletionWords(const Delivery& delivery, std::string_view model)
      : Words("cmpl", "text_completion", delivery, model) {}

  void open(uint32_t, std::string&) override {}

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news)
      chunk(fmt::format(R"({{"index":{},"text":{},"logprobs":null,"finish_reason":{}}})", said.index,
                        json_quoted(said.text), finish_json(said.finish)),
            out);
  }

  void begin_choice(uint32_t index, const Outline&, std::string& out) override {
    out += fmt::format(R"({}{{"index":{},"text":")", index > 0 ? "," : "", index);
  }

  void end_thought(std::string&) override {}  // a completion has none

  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    out += fmt::format(R"(","logprobs":null,"finish_reason":{}}})", finish_json(ending.finish));
  }
};

class ChatWords final : public Words {
 public:
  ChatWords(const Delivery& delivery, std::string_view model, CallWords calls)
      : Words("chatcmpl", delivery.stream ? "chat.completion.chunk" : "chat.completion", delivery, model), calls_(calls) {}

  // Names the role.
  void open(uint32_t index, std::string& out) override {
    put(index, R"("role":"assistant","content":"")", Finish::none, out);
  }

  // Clients expect the reason in a chunk of its own, after the last of the text.
  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.thought.empty())
        put(said.index, "\"reasoning_content\":" + json_quoted(said.thought), Finish::none, out);
      if (!said.text.empty()) put(said.index, "\"content\":" + json_quoted(said.text), Finish::none, out);
      for (const CallPiece& call : said.calls) put(said.index, call_of_delta(calls_, call), Finish::none, out);
      if (said.finish != Finish::none) put(said.index, {}, said.finish, out);
    }
  }

  // Calls alone have no content, which is null then and no text.
  void begin_choice(uint32_t index, const Outline& outline, std::string& out) override {
    has_content_ = outline.text || !outline.calls;
    out += fmt::format(R"({}{{"index":{},"message":{{"role":"assistant",)", index > 0 ? "," : "", index);
    out += outline.thought ? R"("reasoning_content":")" : begin_content();
  }

  void end_thought(std::string& out) override { out.append("\",").append(begin_content()); }

  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    out += fmt::format(R"({},"refusal":null{}}},"logprobs":null,"finish_reason":{}}})", has_content_ ? "\"" : "",
                       calls_of_message(calls_, ending.calls), finish_of(ending.finish));
  }

 private:
  std::string_view begin_content() const { return has_content_ ? R"("content":")" : R"("content":null)"; }
  std::string_view finish_of(Finish finish) const {
    return finish == Finish::called && calls_ == CallWords::function ? "\"function_call\"" : finish_json(finish);
  }
  void put(uint32_t index, std::string_view delta, Finish finish, std::string& out) const {
    chunk(fmt::format(R"({{"index":{},"delta":{{{}}},"logprobs":null,"finish_reason":{}}})", index, delta,
                      finish_of(finish)),
          out);
  }

  const CallWords calls_;
  bool has_content_ = true;
};

}  // namespace

std::unique_ptr<Dialect> chat_words(const Delivery& delivery, std::string_view model, CallWords calls) {
  return std::make_unique<ChatWords>(delivery, model, calls);
}

std::unique_ptr<Dialect> completion_words(const Delivery& delivery, std::string_view model) {
  return std::make_unique<CompletionWords>(delivery, model);
}

}  // namespace fulmar::api::openai
