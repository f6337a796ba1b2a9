// A message as events or in one piece; see words.h.
#include "api/anthropic/words.h"

#include <fmt/format.h>

#include <optional>

#include "answer/tools.h"
#include "api/anthropic/anthropic.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "http/sse.h"

namespace fulmar::api::anthropic {
namespace {

// Clients hand a thought back with it and drop one that has none; it proves nothing here.
constexpr std::string_view signature = "none";

std::string usage_json(const Usage& usage) {
  return fmt::format(R"("usage":{{"input_tokens":{},"cache_creation_input_tokens":0,"cache_read_input_tokens":{},"output_tokens":{},)"
                     R"("output_tokens_details":{{"thinking_tokens":{}}}}})",
                     usage.prompt - usage.cached, usage.cached, usage.completion, usage.thought);
}

class MessageWords final : public Dialect {
 public:
  MessageWords(std::string_view model, uint64_t prompt_tokens, std::vector<std::string> stops, bool omits_thought)
      : head_(fmt::format(R"("id":"{}","type":"message","role":"assistant","model":{})", call_id("msg_"), json_quoted(model))),
        prompt_tokens_(prompt_tokens),
        stops_(std::move(stops)),
        omits_thought_(omits_thought) {}

  http::Response stream_head() const override { return http::sse_head(); }

  void open(uint32_t, std::string& out) override {
    const Usage usage{.prompt = prompt_tokens_};
    put("message_start",
        fmt::format(R"("message":{{{},"content":[],"stop_reason":null,"stop_sequence":null,{}}})", head_, usage_json(usage)), out);
  }

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.thought.empty()) {
        enter(Block::thinking, out);
        if (!omits_thought_) put_delta(fmt::format(R"("type":"thinking_delta","thinking":{})", json_quoted(said.thought)), out);
      }
      if (!said.text.empty()) {
        enter(Block::text, out);
        put_delta(fmt::format(R"("type":"text_delta","text":{})", json_quoted(said.text)), out);
      }
      for (const CallPiece& piece : said.calls) {
        if (!piece.name.empty()) enter_call(piece.name, out);
        if (!piece.arguments.empty())
          put_delta(fmt::format(R"("type":"input_json_delta","partial_json":{})", json_quoted(piece.arguments)), out);
      }
      if (said.finish != Finish::none) ending_ = ending_json(said.finish, said.course.stop);
    }
  }

  void end(const Usage& usage, std::string& out) override {
    leave(out);
    put("message_delta", fmt::format(R"("delta":{{{}}},{})", ending_, usage_json(usage)), out);
    out += http::sse_event("message_stop", R"({"type":"message_stop"})");
  }

  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event("error", error_json(failure)); }

  void begin_whole(std::string& out) override { out += fmt::format(R"({{{},"content":[)", head_); }

  bool puts_text() const override { return !omits_thought_; }  // else it is put with the rest

  void begin_choice(uint32_t, const Outline& outline, std::string& out) override {
    outline_ = outline;
    if (omits_thought_) return;
    if (outline.thought)
      out += R"({"type":"thinking","thinking":")";
    else if (outline.text)
      out += R"({"type":"text","text":")";
  }

  void end_thought(std::string& out) override {
    out += fmt::format(R"(","signature":"{}"}})", signature);
    if (outline_.text) out += R"(,{"type":"text","text":")";
  }

  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    if (omits_thought_) put_without_thought(ending.text, out);
    if (outline_.text) out += "\"}";
    bool first = !outline_.text && !outline_.thought;
    for (const ToolCall& call : ending.calls) {
      if (!std::exchange(first, false)) out += ',';
      out += fmt::format(R"({{"type":"tool_use","id":"{}","name":{},"input":{}}})", call_id("toolu_"), json_quoted(call.name),
                         call.arguments.empty() ? "{}" : call.arguments);
    }
    out += fmt::format("],{},", ending_json(ending.finish, ending.course.stop));
  }

  void end_whole(const Usage& usage, std::string& out) override { out += usage_json(usage) + '}'; }

 private:
  enum class Block { none, thinking, text, call };

  static void put(std::string_view type, std::string_view members, std::string& out) {
    out += http::sse_event(type, fmt::format(R"({{"type":"{}",{}}})", type, members));
  }
  void put_delta(std::string_view members, std::string& out) const {
    put("content_block_delta", fmt::format(R"("index":{},"delta":{{{}}})", index_, members), out);
  }

  void put_without_thought(std::string_view text, std::string& out) const {
    if (outline_.thought) out += fmt::format(R"({{"type":"thinking","thinking":"","signature":"{}"}})", signature);
    if (!outline_.text) return;
    out += fmt::format(R"({}{{"type":"text","text":")", outline_.thought ? "," : "");
    append_json_escaped(out, replace_bad_utf8(text));
  }

  void enter(Block block, std::string& out) {
    if (at_ == block) return;
    begin(block, block == Block::thinking ? R"("type":"thinking","thinking":"","signature":"")" : R"("type":"text","text":"")", out);
  }
  void enter_call(std::string_view name, std::string& out) {
    begin(Block::call, fmt::format(R"("type":"tool_use","id":"{}","name":{},"input":{{}})", call_id("toolu_"), json_quoted(name)), out);
  }
  void begin(Block block, std::string_view members, std::string& out) {
    leave(out);
    at_ = block;
    put("content_block_start", fmt::format(R"("index":{},"content_block":{{{}}})", index_, members), out);
  }
  void leave(std::string& out) {
    if (at_ == Block::none) return;
    if (at_ == Block::thinking) put_delta(fmt::format(R"("type":"signature_delta","signature":"{}")", signature), out);
    put("content_block_stop", fmt::format(R"("index":{})", index_++), out);
    at_ = Block::none;
  }

  std::string ending_json(Finish finish, std::optional<uint32_t> stop) const {
    const bool is_own = finish == Finish::stop && stop && *stop < stops_.size();
    const std::string_view reason = finish == Finish::length   ? "max_tokens"
                                    : finish == Finish::called ? "tool_use"
                                    : is_own                   ? "stop_sequence"
                                                               : "end_turn";
    return fmt::format(R"("stop_reason":"{}","stop_sequence":{})", reason, is_own ? json_quoted(stops_[*stop]) : "null");
  }

  const std::string head_;
  const uint64_t prompt_tokens_;
  const std::vector<std::string> stops_;
  const bool omits_thought_;
  Block at_ = Block::none;  // of a stream: which is open
  uint32_t index_ = 0;      // and its number, or the next one's
  std::string ending_;
  Outline outline_{};  // of an answer in one piece
};

constexpr Shape text_shape{"Anthropic's text", R"({"type": "=text", "text": "text"})"};
constexpr Shape thinking_shape{"Anthropic's thought", R"({"type": "=thinking", "thinking": "text", "signature": "text"})"};
constexpr Shape use_shape{"Anthropic's call", R"({"type": "=tool_use", "id": "text", "name": "text", "input": "object"})"};

}  // namespace

constexpr Shape message_answer{"Anthropic's message", R"({
  "id": "text", "type": "=message", "role": "=assistant", "model": "text",
  "content": ["@Anthropic's text|@Anthropic's thought|@Anthropic's call"],
  "stop_reason": "=max_tokens|=tool_use|=stop_sequence|=end_turn", "stop_sequence": "text|null",
  "usage": {"input_tokens": "integer", "cache_creation_input_tokens": 0, "cache_read_input_tokens": "integer", "output_tokens": "integer",
    "output_tokens_details": {"thinking_tokens": "integer"}}})", {&text_shape, &thinking_shape, &use_shape}};

std::unique_ptr<Dialect> message_words(std::string_view model, uint64_t prompt_tokens, std::vector<std::string> stops,
                                       bool omits_thought) {
  return std::make_unique<MessageWords>(model, prompt_tokens, std::move(stops), omits_thought);
}

}  // namespace fulmar::api::anthropic
