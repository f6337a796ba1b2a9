// Chats and texts as lines or in one piece; see words.h.
#include "api/ollama/words.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "answer/rfc3339.h"
#include "answer/tools.h"
#include "api/ollama/ollama.h"
#include "base/json_text.h"

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

// Both; what they differ in is what a piece is called.
class Words : public Dialect {
 public:
  explicit Words(std::string_view model) : model_(json_quoted(model)) {}

  http::Response stream_head() const override { return {200, {{"Cache-Control", "no-cache"}}, {}, "application/x-ndjson"}; }
  void open(uint32_t, std::string&) override {}

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      if (!said.thought.empty()) put(piece({}, fmt::format(R"("thinking":{})", json_quoted(said.thought))), out);
      if (!said.text.empty()) put(piece(said.text, {}), out);
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
  void end_whole(const Usage& usage, std::string& out) override { out += fmt::format(",{}}}", last(usage)); }

 protected:
  // The members of a piece: its text, and more.
  virtual std::string piece(std::string_view text, std::string_view more) const = 0;
  virtual void keep(const Course&) {}
  virtual std::string more_at_end() const { return {}; }

 private:
  using Clock = std::chrono::steady_clock;

  std::string head() const {
    return fmt::format(R"("model":{},"created_at":"{}")", model_, rfc3339(std::chrono::system_clock::now()));
  }
  void put(std::string_view members, std::string& out) const { out += fmt::format("{{{},{},\"done\":false}}\n", head(), members); }

  // A call comes whole, when the next one or the end follows.
  void add_call(const CallPiece& part, std::string& out) {
    if (!part.name.empty()) {
      put_call(out);
      call_.emplace().name = part.name;
    }
    if (call_) call_->arguments += part.arguments;
  }
  void put_call(std::string& out) {
    if (!call_) return;
    put(piece({}, calls_json({&*call_, 1}, calls_++)), out);
    call_.reset();
  }

  std::string last(const Usage& usage) const {
    const auto total = static_cast<uint64_t>(std::chrono::nanoseconds(Clock::now() - begun_).count());
    const uint64_t work = usage.times.prompt + usage.times.drawing;
    return fmt::format(R"("done":true,"done_reason":"{}",{}"total_duration":{},"load_duration":{},"prompt_eval_count":{},)"
                       R"("prompt_eval_duration":{},"eval_count":{},"eval_duration":{})",
                       finish_ == Finish::length ? "length" : "stop", more_at_end(), total, total > work ? total - work : 0, usage.prompt,
                       usage.times.prompt, usage.completion, usage.times.drawing);
  }

  const std::string model_;
  const Clock::time_point begun_ = Clock::now();
  Finish finish_ = Finish::stop;
  std::optional<ToolCall> call_;  // that is coming
  uint32_t calls_ = 0;            // that came
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

}  // namespace

constexpr Family family{"ollama", error_words};

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = error_json(failure);
  return response;
}

std::unique_ptr<Dialect> chat_words(std::string_view model) {
  return std::make_unique<ChatWords>(model);
}

std::unique_ptr<Dialect> generate_words(std::string_view model) {
  return std::make_unique<GenerateWords>(model);
}

}  // namespace fulmar::api::ollama
