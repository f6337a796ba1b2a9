// Items as they come, and the object that has all of them at its end.
#include "api/openai/response_words.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "answer/answer.h"
#include "answer/held.h"
#include "answer/tools.h"
#include "api/openai/openai.h"
#include "api/openai/words.h"
#include "base/json_text.h"
#include "http/sse.h"

namespace fulmar::api::openai {
namespace {

enum class ItemKind : uint8_t { thought, message, call };

struct Item {
  ItemKind kind;
  std::string id;
  std::string text;             // of a call: its arguments
  std::string call_id, name;    // of a call
  std::string scores;           // of a message: entries, with commas between
  bool is_cut = false;          // the answer ended in it by its length
};

// `scores`: with those that it has.
std::string part_json(const Item& item, bool scores) {
  if (item.kind == ItemKind::thought) return fmt::format(R"({{"type":"reasoning_text","text":{}}})", json_quoted(item.text));
  return fmt::format(R"({{"type":"output_text","annotations":[],"logprobs":[{}],"text":{}}})", scores ? item.scores : "", json_quoted(item.text));
}

// As it is when it begins, or once it has ended.
std::string item_json(const Item& item, bool ended, bool scores) {
  const std::string_view status = !ended ? "in_progress" : item.is_cut ? "incomplete" : "completed";
  const std::string content = ended && item.kind != ItemKind::call ? part_json(item, scores) : std::string();
  switch (item.kind) {
    case ItemKind::thought:
      return fmt::format(R"({{"id":"{}","type":"reasoning","status":"{}","summary":[],"content":[{}]}})", item.id, status, content);
    case ItemKind::message:
      return fmt::format(R"({{"id":"{}","type":"message","status":"{}","role":"assistant","content":[{}]}})", item.id, status, content);
    default:
      return fmt::format(R"({{"id":"{}","type":"function_call","status":"{}","call_id":"{}","name":{},"arguments":{}}})", item.id, status,
                         item.call_id, json_quoted(item.name), json_quoted(ended ? std::string_view(item.text) : ""));
  }
}

constexpr Shape thought_item_shape{"a thought of a response", R"({
  "id": "text", "type": "=reasoning", "status": "text", "summary": "list", "content": [{"type": "=reasoning_text", "text": "text"}]})"};
constexpr Shape message_item_shape{"a message of a response", R"({
  "id": "text", "type": "=message", "status": "text", "role": "=assistant",
  "content": [{"type": "=output_text", "annotations": "list", "logprobs": ["@OpenAI's token"], "text": "text"}]})", {&token_shape}};
constexpr Shape call_item_shape{"a call of a response", R"({
  "id": "text", "type": "=function_call", "status": "text", "call_id": "text", "name": "text", "arguments": "text"})"};
constexpr Shape response_usage_shape{"usage of a response", R"({
  "input_tokens": "integer", "input_tokens_details": {"cached_tokens": "integer", "cache_write_tokens": 0}, "output_tokens": "integer",
  "output_tokens_details": {"reasoning_tokens": "integer"}, "total_tokens": "integer"})"};

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class ResponseWords final : public Dialect {
 public:
  explicit ResponseWords(ResponseFacts facts) : facts_(std::move(facts)), held_(*facts_.held) {}

  http::Response stream_head() const override { return http::sse_head(); }

  void open(uint32_t, std::string& out) override {
    for (const char* type : {"response.created", "response.in_progress"})
      put(type, fmt::format(R"("response":{})", object("in_progress", "null", false)), out);
  }

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.thought.empty()) add_text(ItemKind::thought, said.thought, {}, out);
      if (!said.text.empty() || said.scores.size() > 0) add_text(ItemKind::message, said.text, said.scores, out);
      for (const CallPiece& piece : said.calls) add_call(piece, out);
      if (said.finish != Finish::none) finish_ = said.finish;
    }
  }

  void end(const Usage& usage, std::string& out) override {
    finish_items(out);
    const std::string_view status = is_cut_ ? "incomplete" : "completed";
    const auto last = [&](std::string& to) {
      put(fmt::format("response.{}", status), fmt::format(R"("response":{})", object(status, usage_json(usage), true)), to);
    };
    if (!facts_.keeping) return last(out);
    std::string told;
    last(told);
    keep(status, usage, std::move(told));
  }

  void fail(const http::Failure& failure, std::string& out) override {
    leave(out);
    const std::string error = fmt::format(R"({{"code":"{}","message":{}}})", failure.status == 429 ? "rate_limit_exceeded" : "server_error",
                                          json_quoted(failure.message));
    put("response.failed", fmt::format(R"("response":{})", object("failed", "null", true, error)), out);
  }

  bool puts_text() const override { return false; }
  void begin_whole(std::string&) override {}
  void begin_choice(uint32_t, const Outline&, std::string&) override {}
  void end_thought(std::string&) override {}

  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    if (!ending.thought.empty()) add_text(ItemKind::thought, ending.thought, {}, out);
    if (!ending.text.empty() || ending.scores.size() > 0) add_text(ItemKind::message, ending.text, ending.scores, out);
    for (uint32_t i = 0; i < ending.calls.size(); ++i) add_call({i, ending.calls[i].name, ending.calls[i].arguments}, out);
    finish_ = ending.finish;
  }

  void end_whole(const Usage& usage, std::string& out) override {
    finish_items(out);
    const std::string_view status = is_cut_ ? "incomplete" : "completed";
    std::string whole = object(status, usage_json(usage), true);
    if (!facts_.keeping)
      out += whole;
    else
      keep(status, usage, std::move(whole));
  }

 private:
  // An event, where they are told.
  void put(std::string_view type, std::string_view members, std::string& out) {
    if (facts_.stream) out += http::sse_event(type, fmt::format(R"({{"type":"{}","sequence_number":{},{}}})", type, events_++, members));
  }
  std::string place() const { return fmt::format(R"("item_id":"{}","output_index":{})", items_.back().id, items_.size() - 1); }

  void enter(ItemKind kind, std::string& out) {
    leave(out);
    constexpr std::string_view prefixes[] = {"rs", "msg", "fc"};
    Item item{kind, item_id(prefixes[static_cast<size_t>(kind)], facts_.id, std::to_string(items_.size())), {}, {}, {}, {}};
    if (kind == ItemKind::call) item.call_id = call_id();
    items_.push_back(std::move(item));
    is_open_ = true;
  }
  // The item is there, and what of it counts before its text.
  void announce(std::string& out) {
    const Item& item = items_.back();
    put("response.output_item.added", fmt::format(R"("output_index":{},"item":{})", items_.size() - 1, item_json(item, false, false)), out);
    if (item.kind != ItemKind::call)
      put("response.content_part.added", fmt::format(R"({},"content_index":0,"part":{})", place(), part_json({item.kind, {}, {}, {}, {}, {}}, false)), out);
  }

  void add_text(ItemKind kind, std::string_view text, const ScoreRows& rows, std::string& out) {
    if (!is_open_ || items_.back().kind != kind) {
      enter(kind, out);
      announce(out);
    }
    Item& item = items_.back();
    std::string scores;
    if (facts_.scores.logprobs && rows.size() > 0) put_chat_rows(facts_.scores, rows, 0, std::string::npos, scores);
    held_.change(text.size() + scores.size(), 0);
    item.text += text;
    if (!scores.empty()) item.scores.append(item.scores.empty() ? "" : ",").append(scores);
    if (kind == ItemKind::thought)
      put("response.reasoning_text.delta", fmt::format(R"({},"content_index":0,"delta":{})", place(), json_quoted(text)), out);
    else
      put("response.output_text.delta", fmt::format(R"({},"content_index":0,"delta":{},"logprobs":[{}])", place(), json_quoted(text), scores), out);
  }

  void add_call(const CallPiece& piece, std::string& out) {
    if (!piece.name.empty()) {
      enter(ItemKind::call, out);
      items_.back().name = piece.name;
      announce(out);
    }
    if (piece.arguments.empty()) return;
    held_.change(piece.arguments.size(), 0);
    items_.back().text += piece.arguments;
    put("response.function_call_arguments.delta", fmt::format(R"({},"delta":{})", place(), json_quoted(piece.arguments)), out);
  }

  void leave(std::string& out) {
    if (!std::exchange(is_open_, false)) return;
    if (items_.back().kind == ItemKind::call && items_.back().text.empty()) add_call({0, {}, "{}"}, out);
    const Item& item = items_.back();
    const std::string text = facts_.stream ? json_quoted(item.text) : std::string();
    if (item.kind == ItemKind::thought)
      put("response.reasoning_text.done", fmt::format(R"({},"content_index":0,"text":{})", place(), text), out);
    else if (item.kind == ItemKind::message)
      put("response.output_text.done", fmt::format(R"({},"content_index":0,"text":{},"logprobs":[{}])", place(), text, item.scores), out);
    else
      put("response.function_call_arguments.done", fmt::format(R"({},"name":{},"arguments":{})", place(), json_quoted(item.name), text), out);
    if (item.kind != ItemKind::call)
      put("response.content_part.done", fmt::format(R"({},"content_index":0,"part":{})", place(), part_json(item, true)), out);
    put("response.output_item.done", fmt::format(R"("output_index":{},"item":{})", items_.size() - 1, item_json(item, true, true)), out);
  }

  // Clients look for a message: where the model said nothing it is empty.
  void finish_items(std::string& out) {
    size_t said = 0;
    for (const Item& item : items_) said += item.text.size();
    is_cut_ = finish_ == Finish::length || said > kRepeated;
    if (items_.empty() || (items_.back().kind == ItemKind::thought && !is_cut_)) add_text(ItemKind::message, {}, {}, out);
    items_.back().is_cut = is_cut_;
    leave(out);
  }

  std::string usage_json(const Usage& usage) const {
    const uint64_t input = facts_.read_before + usage.prompt;
    return fmt::format(R"({{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{},"cache_write_tokens":0}},"output_tokens":{},)"
                       R"("output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}})",
                       input, facts_.read_before + usage.cached, usage.completion, usage.thought, input + usage.completion);
  }

  std::string object(std::string_view status, std::string_view usage, bool scores, std::string_view error = "null") const {
    std::string output;
    const bool begins = status == "in_progress";
    for (size_t i = 0; !begins && i < items_.size(); ++i) output.append(i > 0 ? "," : "").append(item_json(items_[i], true, scores));
    return fmt::format(R"({{{}"status":"{}","completed_at":{},"error":{},"incomplete_details":{},"output":[{}],"usage":{}}})", facts_.members, status,
                       status == "completed" ? std::to_string(unix_seconds()) : "null", error,
                       status == "incomplete" ? R"({"reason":"max_output_tokens"})" : "null", output, usage);
  }

  // Without scores, which are told once.
  void keep(std::string_view status, const Usage& usage, std::string told) {
    bool calls = facts_.after_tools;
    for (const Item& item : items_) calls = calls || item.kind == ItemKind::call;
    held_.change(told.size(), 0);
    facts_.keeping->complete(fmt::format(R"({{{}"after_tools":{},"response":{}}})", facts_.document, calls, object(status, usage_json(usage), false)),
                             std::move(told), [this](const http::Failure& failure) {
                               std::string out;
                               --events_;  // that of the end, which was not told
                               fail(failure, out);
                               return out;
                             });
  }

  const ResponseFacts facts_;
  Held held_;
  std::vector<Item> items_;
  bool is_open_ = false;  // the last of them
  bool is_cut_ = false;
  Finish finish_ = Finish::none;
  uint64_t events_ = 0;
};

}  // namespace

constexpr Shape response_answer{"a response", R"({
  "id": "text", "object": "=response", "created_at": "integer", "background": false, "model": "text", "store": "boolean",
  "instructions": "text|null", "previous_response_id": "text|null", "prompt_cache_key": "text|null", "safety_identifier": "text|null",
  "user": "text|null", "max_output_tokens": "integer|null", "max_tool_calls": "integer|null", "parallel_tool_calls": "boolean",
  "tool_choice": "text|object", "tools": [{"type": "=function", "name": "text", "description": "text|null", "parameters": "object",
    "strict": "boolean"}], "temperature": "number", "top_p": "number", "top_logprobs": "integer",
  "text": {"format": "object", "verbosity": "text"}, "reasoning": {"effort": "text|null", "summary": null}, "truncation": "text",
  "service_tier": "=default", "metadata": {"*": "text"}, "status": "=completed|=incomplete", "completed_at": "integer|null", "error": null,
  "incomplete_details": "object|null",
  "output": ["@a thought of a response|@a message of a response|@a call of a response"], "usage": "@usage of a response"})",
    {&thought_item_shape, &message_item_shape, &call_item_shape, &response_usage_shape}};

std::unique_ptr<Dialect> response_words(ResponseFacts facts) {
  return std::make_unique<ResponseWords>(std::move(facts));
}

}  // namespace fulmar::api::openai
