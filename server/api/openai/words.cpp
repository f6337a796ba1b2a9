// Answers as text: the fixed parts are made once, only the text itself is escaped per token.
#include "api/openai/words.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <random>
#include <utility>

#include "answer/held.h"
#include "answer/timings.h"
#include "api/openai/openai.h"
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
  Words(std::string_view prefix, std::string_view object, const Delivery& delivery, const host::Served& served)
      : usage_(delivery.include_usage), timings_(delivery.timings), thinks_(prefix == "chatcmpl") {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    head_ = fmt::format(R"({{"id":"{}-{}","object":"{}","created":{},"model":{},"system_fingerprint":"fp_{}",{}"choices":)", prefix,
                        random_id(), object, std::chrono::duration_cast<std::chrono::seconds>(now).count(), json_quoted(served.id),
                        served.engine->fingerprint().hex().substr(0, 12), thinks_ ? R"("service_tier":"default",)" : "");
  }

  http::Response stream_head() const override { return http::sse_head(); }

  void end(const Usage& usage, std::string& out) override {
    if (usage_) out += http::sse_event(fmt::format("{}[],{}}}", head_, usage_json(usage, thinks_)));
    out += http::sse_event("[DONE]");
  }

  // Once a stream has begun its status is sent, so an error is an event.
  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event(error_json(failure)); }

  void begin_whole(std::string& out) override { out += head_ + '['; }
  void end_whole(const Usage& usage, std::string& out) override { out += fmt::format("],{}{}}}", usage_json(usage, thinks_), took(usage)); }

 protected:
  // A stream's chunk with one choice.
  void chunk(std::string_view choice, std::string& out) const {
    out += http::sse_event(fmt::format("{}[{}]{}{}", head_, choice, beside_, usage_ ? ",\"usage\":null}" : "}"));
  }

  // What goes with the chunks of a piece that llama.cpp's clients asked for; true: its prompt is still being read.
  bool tell(const Said& said) {
    const Course& course = said.course;
    const bool is_progress = course.total > 0 && course.usage.completion == 0 && said.finish == Finish::none;
    beside_.clear();
    if (is_progress)
      beside_ = ",\"prompt_progress\":" + boost::json::serialize(progress_of(course.usage, course.total));
    else if (course.total > 0)
      beside_ = took(course.usage);
    return is_progress;
  }

 private:
  std::string took(const Usage& usage) const {
    return timings_ ? ",\"timings\":" + boost::json::serialize(timings_of(usage)) : std::string();
  }

  const bool usage_, timings_, thinks_;
  std::string beside_;
  std::string head_;  // up to "choices":
};

class CompletionWords final : public Words {
 public:
  CompletionWords(const Delivery& delivery, const host::Served& served, ScoreForm scores)
      : Words("cmpl", "text_completion", delivery, served), scores_(std::move(scores)) {}

  void open(uint32_t, std::string&) override {}

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      tell(said);
      chunk(fmt::format(R"({{"index":{},"text":{},"logprobs":{},"finish_reason":{}}})", said.index, json_quoted(said.text),
                        scores_.piece(said.index, said.scores), finish_json(said.finish)),
            out);
    }
  }

  void begin_choice(uint32_t index, const Outline&, std::string& out) override {
    out += fmt::format(R"({}{{"index":{},"text":")", index > 0 ? "," : "", index);
  }

  void end_thought(std::string&) override {}  // a completion has none

  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    out += fmt::format(R"(",{}"finish_reason":{}{})", none_, finish_json(ending.finish), none_.empty() ? "," : "}");
  }

  bool put_scores(uint32_t, const ChoiceScores& scores, std::string& out) override {
    if (!none_.empty()) return true;
    if (!scores_.put(scores, out)) return false;
    out += '}';
    return true;
  }

 private:
  CompletionScores scores_;
  const std::string_view none_ = scores_.form().any() ? "" : "\"logprobs\":null,";
};

class ChatWords final : public Words {
 public:
  ChatWords(const Delivery& delivery, const host::Served& served, CallWords calls, ScoreForm scores)
      : Words("chatcmpl", delivery.stream ? "chat.completion.chunk" : "chat.completion", delivery, served),
        calls_(calls),
        scores_(std::move(scores)) {}

  // Names the role.
  void open(uint32_t index, std::string& out) override {
    put(index, R"("role":"assistant","content":"")", Finish::none, out);
  }

  // Clients expect the reason in a chunk of its own, after the last of the text.
  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (tell(said)) put(said.index, {}, Finish::none, out);
      if (!said.thought.empty())
        put(said.index, "\"reasoning_content\":" + json_quoted(said.thought), Finish::none, out);
      if (!said.text.empty() || said.scores.size() > 0)
        put(said.index, "\"content\":" + json_quoted(said.text), Finish::none, out, said.scores);
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
    const bool scored = scores_.logprobs.has_value();
    out += fmt::format(R"({},"refusal":null{}}},{}"finish_reason":{}{})", has_content_ ? "\"" : "",
                       calls_of_message(calls_, ending.calls), scored ? "" : "\"logprobs\":null,",
                       finish_of(ending.finish), scored ? "" : "}");
  }

  bool put_scores(uint32_t, const ChoiceScores& scores, std::string& out) override {
    if (!scores_.logprobs) return true;
    if (next_score_ == 0) out += ",\"logprobs\":{\"content\":[";
    next_score_ = put_chat_rows(scores_, scores.answer, next_score_, out.size() + kPartBytes, out);
    if (next_score_ < scores.answer.size()) return false;
    out += "],\"refusal\":null}}";
    next_score_ = 0;
    return true;
  }

  bool put_prompt_scores(const ScoreRows& rows, std::string& out) override {
    if (!scores_.prompt_logprobs) return true;
    if (next_score_ == 0) out += "],\"prompt_logprobs\":[";
    next_score_ = put_prompt_rows(scores_, rows, next_score_, out.size() + kPartBytes, out);
    return next_score_ == rows.size();
  }

 private:
  std::string_view begin_content() const { return has_content_ ? R"("content":")" : R"("content":null)"; }
  std::string_view finish_of(Finish finish) const {
    return finish == Finish::called && calls_ == CallWords::function ? "\"function_call\"" : finish_json(finish);
  }
  void put(uint32_t index, std::string_view delta, Finish finish, std::string& out, const ScoreRows& rows = {}) const {
    chunk(fmt::format(R"({{"index":{},"delta":{{{}}},"logprobs":{},"finish_reason":{}}})", index, delta, piece(rows),
                      finish_of(finish)),
          out);
  }

  std::string piece(const ScoreRows& rows) const {
    if (!scores_.logprobs || rows.size() == 0) return "null";
    std::string json = "{\"content\":[";
    put_chat_rows(scores_, rows, 0, std::string::npos, json);
    return json + "],\"refusal\":null}";
  }

  const CallWords calls_;
  bool has_content_ = true;
  const ScoreForm scores_;
  size_t next_score_ = 0;  // of the rows that are put a part at a time
};

constexpr Shape tokens_shape{"OpenAI's tokens", R"({"content": ["@OpenAI's token"], "refusal": null})", {&token_shape}};
constexpr Shape call_shape{"OpenAI's function", R"({"name": "text", "arguments": "text"})"};
constexpr Shape usage_shape{"OpenAI's usage", R"({
  "prompt_tokens": "integer", "completion_tokens": "integer", "total_tokens": "integer", "prompt_tokens_details": {"cached_tokens": "integer"},
  "completion_tokens_details?": {"reasoning_tokens": "integer"}})"};

}  // namespace

constexpr Shape completion_answer{"OpenAI's completion", R"({
  "id": "text", "object": "=text_completion", "created": "integer", "model": "text", "system_fingerprint": "text",
  "choices": [{"index": "integer", "text": "text", "logprobs": "@OpenAI's scores|null", "finish_reason": "=stop|=length|null",
    "prompt_logprobs?": ["@vLLM's scores|null"]}],
  "usage": "@OpenAI's usage", "timings?": "@llama.cpp's timings"})",
    {&usage_shape, &completion_score_shape, &prompt_score_shape, &timings_shape}};

constexpr Shape chat_answer{"OpenAI's chat", R"({
  "id": "text", "object": "=chat.completion", "created": "integer", "model": "text", "system_fingerprint": "text", "service_tier": "=default",
  "choices": [{"index": "integer",
    "message": {"role": "=assistant", "reasoning_content?": "text", "content": "text|null", "refusal": null,
      "tool_calls?": [{"id": "text", "type": "=function", "function": "@OpenAI's function"}], "function_call?": "@OpenAI's function"},
    "logprobs": "@OpenAI's tokens|null", "finish_reason": "=stop|=length|=tool_calls|=function_call|null"}],
  "prompt_logprobs?": ["@vLLM's scores|null"], "usage": "@OpenAI's usage", "timings?": "@llama.cpp's timings"})",
    {&usage_shape, &call_shape, &tokens_shape, &prompt_score_shape, &timings_shape}};

std::unique_ptr<Dialect> chat_words(const Delivery& delivery, const host::Served& served, CallWords calls, ScoreForm scores) {
  return std::make_unique<ChatWords>(delivery, served, calls, std::move(scores));
}

std::unique_ptr<Dialect> completion_words(const Delivery& delivery, const host::Served& served, ScoreForm scores) {
  return std::make_unique<CompletionWords>(delivery, served, std::move(scores));
}

}  // namespace fulmar::api::openai
