// Chats and texts as lines or in one piece; see words.h.
#include "api/ollama/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "answer/held.h"
#include "answer/rfc3339.h"
#include "answer/tools.h"
#include "api/ollama/ollama.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace fulmar::api::ollama {
namespace {

std::string error_json(const http::Failure& failure) {
  return fmt::format(R"({{"error":{}}})", json_quoted(failure.message));
}

std::string calls_json(std::span<const ToolCall> calls, uint32_t first) {
  std::string list;
  for (const ToolCall& call : calls)
    list += fmt::format(R"({}{{"id":"{}","function":{{"index":{},"name":{},"arguments":{}}}}})", list.empty() ? "" : ",", call_id(),
                        first++, json_quoted(call.name), call.arguments.empty() ? "{}" : call.arguments);
  return fmt::format(R"("tool_calls":[{}])", list);
}

std::string token_members(const TokenScore& score, const std::function<std::string(Token)>& spell) {
  const std::string bytes = spell(score.token);
  std::string numbers;
  for (const char byte : bytes) numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", static_cast<unsigned char>(byte));
  // JSON has no infinity: this number is as good as impossible.
  return fmt::format(R"("token":{},"logprob":{},"bytes":[{}])", json_quoted(replace_bad_utf8(bytes)), std::max(score.logprob, -9999.0f), numbers);
}

// Both; what they differ in is what a piece is called.
class Words : public Dialect {
 public:
  explicit Words(Head head) : head_(std::move(head)), model_(json_quoted(head_.model)) {}

  http::Response stream_head() const override { return {200, {{"Cache-Control", "no-cache"}}, {}, "application/x-ndjson"}; }
  void open(uint32_t, std::string&) override {}

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.thought.empty()) put(piece({}, fmt::format(R"("thinking":{})", json_quoted(said.thought))), out);
      if (!said.text.empty() || tells(said.scores)) {
        std::string members = piece(said.text, {});
        if (tells(said.scores)) put_rows(said.scores, 0, std::string::npos, members);
        put(members, out);
      }
      for (const CallPiece& part : said.calls) add_call(part, out);
      keep(said.course);
      if (said.finish != Finish::none) finish_ = said.finish;
    }
  }

  void end(const Usage& usage, std::string& out) override {
    put_call(out);
    out += fmt::format("{{{},{},{}}}\n", head(), piece({}, {}), last(usage));
  }
  void fail(const http::Failure& failure, std::string& out) override { out += error_json(failure) + '\n'; }

  void begin_whole(std::string& out) override { out += fmt::format("{{{},", head()); }
  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    keep(ending.course);
    finish_ = ending.finish;
    out += '"';
    if (!ending.calls.empty()) out.append(",").append(calls_json(ending.calls, 0));
  }
  bool put_scores(uint32_t, const ChoiceScores& scores, std::string& out) override {
    if (!tells(scores.answer)) return true;
    next_score_ = put_rows(scores.answer, next_score_, out.size() + kPartBytes, out);
    return next_score_ == scores.answer.size();
  }
  void end_whole(const Usage& usage, std::string& out) override { out += fmt::format(",{}}}", last(usage)); }

 protected:
  // The members of a piece: its text, and more.
  virtual std::string piece(std::string_view text, std::string_view more) const = 0;
  virtual void keep(const Course&) {}
  virtual std::string more_at_end() const { return {}; }

 private:
  bool tells(const ScoreRows& rows) const { return head_.top && rows.size() > 0; }

  // From a row on until `out` has as many bytes; the row that is next.
  size_t put_rows(const ScoreRows& rows, size_t first, size_t limit, std::string& out) const {
    if (first == 0) out += ",\"logprobs\":[";
    for (; first < rows.size() && out.size() < limit; ++first) {
      const std::span<const TokenScore> row = rows[first];
      out += fmt::format("{}{{{}", first > 0 ? "," : "", token_members(row[0], head_.spell));
      std::string top;
      for (const TokenScore& score : row.subspan(1, std::min<size_t>(*head_.top, row.size() - 1)))
        if (score.token >= 0) top += fmt::format("{}{{{}}}", top.empty() ? "" : ",", token_members(score, head_.spell));
      out += top.empty() ? "}" : fmt::format(R"(,"top_logprobs":[{}]}})", top);
    }
    if (first == rows.size()) out += ']';
    return first;
  }

  std::string head() const {
    return fmt::format(R"("model":{},"created_at":"{}")", model_, rfc3339(std::chrono::system_clock::now()));
  }
  void put(std::string_view members, std::string& out) const { out += fmt::format("{{{},{},\"done\":false}}\n", head(), members); }

  // A call comes whole, when the next one or the end follows; one that was cut does not.
  void add_call(const CallPiece& part, std::string& out) {
    if (!part.name.empty()) {
      put_call(out);
      call_.emplace().name = part.name;
    }
    if (call_) call_->arguments += part.arguments;
  }
  void put_call(std::string& out) {
    if (!call_) return;
    if (is_whole(*call_)) put(piece({}, calls_json({&*call_, 1}, calls_++)), out);
    call_.reset();
  }

  std::string last(const Usage& usage) const {
    const auto total = static_cast<uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now() - head_.came).count());
    const uint64_t work = usage.times.prompt + usage.times.drawing;
    return fmt::format(R"("done":true,"done_reason":"{}",{}"total_duration":{},"load_duration":{},"prompt_eval_count":{},)"
                       R"("prompt_eval_duration":{},"eval_count":{},"eval_duration":{})",
                       finish_ == Finish::length ? "length" : "stop", more_at_end(), total, total > work ? total - work : 0, usage.prompt,
                       usage.times.prompt, usage.completion, usage.times.drawing);
  }

  const Head head_;
  const std::string model_;
  Finish finish_ = Finish::stop;
  std::optional<ToolCall> call_;  // that is coming
  uint32_t calls_ = 0;            // that came
  size_t next_score_ = 0;         // of the rows that are put a part at a time
};

class ChatWords final : public Words {
 public:
  using Words::Words;

  void begin_choice(uint32_t, const Outline& outline, std::string& out) override {
    out += fmt::format(R"("message":{{"role":"assistant","{}":")", outline.thought ? "thinking" : "content");
  }
  void end_thought(std::string& out) override { out += R"(","content":")"; }
  void end_choice(uint32_t index, const Ending& ending, std::string& out) override {
    Words::end_choice(index, ending, out);
    out += '}';
  }

 private:
  std::string piece(std::string_view text, std::string_view more) const override {
    return fmt::format(R"("message":{{"role":"assistant","content":{}{}{}}})", json_quoted(text), more.empty() ? "" : ",", more);
  }
};

class GenerateWords final : public Words {
 public:
  using Words::Words;

  void begin_choice(uint32_t, const Outline& outline, std::string& out) override {
    out += outline.thought ? R"("thinking":")" : R"("response":")";
  }
  void end_thought(std::string& out) override { out += R"(","response":")"; }

 private:
  std::string piece(std::string_view text, std::string_view more) const override {
    return fmt::format(R"("response":{}{}{})", json_quoted(text), more.empty() ? "" : ",", more);
  }
  void keep(const Course& course) override {
    if (!course.turn.empty() && course.turn.size() <= kContext) context_.assign(course.turn.begin(), course.turn.end());
  }
  std::string more_at_end() const override {
    return context_.empty() ? std::string() : fmt::format(R"("context":[{}],)", fmt::join(context_, ","));
  }

  std::vector<Token> context_;
};

constexpr Shape likely_shape{"Ollama's likely token", R"({"token": "text", "logprob": "number", "bytes": ["integer"]})"};
constexpr Shape score_shape{"Ollama's token", R"({
  "token": "text", "logprob": "number", "bytes": ["integer"], "top_logprobs?": ["@Ollama's likely token"]})", {&likely_shape}};
constexpr Shape call_shape{"Ollama's call", R"({"id": "text", "function": {"index": "integer", "name": "text", "arguments": "object"}})"};

}  // namespace

// Without the numbers where nothing was asked but that the model comes or goes.
constexpr Shape chat_answer{"Ollama's chat", R"({
  "model": "text", "created_at": "text",
  "message": {"role": "=assistant", "content": "text", "thinking?": "text", "tool_calls?": ["@Ollama's call"]},
  "logprobs?": ["@Ollama's token"], "done": true, "done_reason": "=stop|=length|=load|=unload", "total_duration?": "integer", "load_duration?": "integer",
  "prompt_eval_count?": "integer", "prompt_eval_duration?": "integer", "eval_count?": "integer", "eval_duration?": "integer"})",
                            {&call_shape, &score_shape}};
constexpr Shape generate_answer{"Ollama's answer", R"({
  "model": "text", "created_at": "text", "response": "text", "thinking?": "text", "context?": ["integer"],
  "logprobs?": ["@Ollama's token"], "done": true, "done_reason": "=stop|=length|=load|=unload", "total_duration?": "integer", "load_duration?": "integer",
  "prompt_eval_count?": "integer", "prompt_eval_duration?": "integer", "eval_count?": "integer", "eval_duration?": "integer"})",
                                {&score_shape}};

constexpr Family family{"ollama", error_words};

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = error_json(failure);
  return response;
}

std::unique_ptr<Dialect> chat_words(Head head) {
  return std::make_unique<ChatWords>(std::move(head));
}

std::unique_ptr<Dialect> generate_words(Head head) {
  return std::make_unique<GenerateWords>(std::move(head));
}

}  // namespace fulmar::api::ollama
