// Answers as text, and the family's errors.
#include "api/lightning/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "answer/child_numbers.h"
#include "api/lightning/lightning.h"
#include "base/json_text.h"
#include "http/sse.h"

namespace fulmar::api::lightning {
namespace {

std::string error_json(const http::Failure& failure) {
  // The sentence that its clients know.
  const std::string_view missing = "Unauthorized: invalid or missing password";
  return fmt::format(R"({{"error":{}}})", json_quoted(failure.status == 401 ? missing : failure.message));
}

std::string_view finish_json(Finish finish) {
  if (finish == Finish::paused) return R"("paused")";
  return finish == Finish::length ? R"("length")" : R"("stop")";
}

class NativeWords : public Dialect {
 public:
  explicit NativeWords(NativeHead head) : head_(std::move(head)) {}

  http::Response stream_head() const override { return named(http::sse_head()); }
  http::Response whole_head() const override { return named({}); }
  void open(uint32_t, std::string&) override {}

  // One event for all that is new. A client reads it as one text for each index, so that a second one is another event's.
  void say(std::span<const Said> news, std::string& out) override {
    for (size_t begin = 0, end = 0; begin < news.size(); begin = end) {
      const auto is_new = [&](const Said& said) {
        return std::none_of(&news[begin], &said, [&](const Said& before) { return before.index == said.index; });
      };
      while (end < news.size() && is_new(news[end])) ++end;
      put(news.subspan(begin, end - begin), out);
    }
  }

  void end(const Usage&, std::string& out) override {
    if (head_.dialogue)
      out += http::sse_event(fmt::format(R"({{"object":"multi_state.dialogue_idx","session_id":{},"dialogue_idx":{}}})",
                                         json_quoted(child_name(head_.session, *head_.dialogue)), *head_.dialogue));
    out += http::sse_event("[DONE]");
  }

  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event(error_json(failure)); }

  void begin_whole(std::string& out) override {
    out += fmt::format(R"({{"id":"{}","object":"{}","model":{},"choices":[)", head_.id, head_.object, json_quoted(head_.model));
  }
  void begin_choice(uint32_t index, const Outline&, std::string& out) override {
    out += fmt::format(R"({}{{"index":{},"message":{{"role":"assistant","content":")", index > 0 ? "," : "", index);
  }
  void end_thought(std::string&) override {}  // a prompt without a template opens none
  void end_choice(uint32_t, const Ending& ending, std::string& out) override {
    out += fmt::format(R"("}},"finish_reason":{}}})", finish_json(ending.finish));
  }
  void end_whole(const Usage&, std::string& out) override {
    out += ']';
    if (head_.dialogue) out += fmt::format(R"(,"dialogue_idx":{})", *head_.dialogue);
    out += '}';
  }

 private:
  http::Response named(http::Response response) const {
    if (!head_.request_id.empty()) response.headers.push_back({"X-Request-Id", head_.request_id});
    return response;
  }

  void put(std::span<const Said> news, std::string& out) const {
    std::string choices;
    for (const Said& said : news) {
      if (said.text.empty() && said.finish == Finish::none) continue;
      choices += fmt::format(R"({}{{"index":{},"delta":{{"content":{}}})", choices.empty() ? "" : ",",
                             head_.indices.empty() ? said.index : head_.indices[said.index],
                             json_quoted(said.text));
      if (said.finish != Finish::none) choices += fmt::format(R"(,"finish_reason":{})", finish_json(said.finish));
      choices += '}';
    }
    if (!choices.empty()) out += http::sse_event(fmt::format(R"({{"object":"chat.completion.chunk","choices":[{}]}})", choices));
  }

  const NativeHead head_;
};

class TranslationWords final : public NativeWords {
 public:
  TranslationWords(NativeHead head, std::string language)
      : NativeWords(std::move(head)), begin_(fmt::format(R"({{"detected_source_lang":{},"text":")", json_quoted(language))) {}

  void begin_whole(std::string& out) override { out += R"({"translations":[)"; }
  void begin_choice(uint32_t index, const Outline&, std::string& out) override {
    if (index > 0) out += ',';
    out += begin_;
  }
  void end_choice(uint32_t, const Ending&, std::string& out) override { out += "\"}"; }
  void end_whole(const Usage&, std::string& out) override { out += "]}"; }

 private:
  const std::string begin_;
};

}  // namespace

constexpr Shape native_answer{"rwkv_lightning's texts", R"({
  "id": "text", "object": "text", "model": "text", "dialogue_idx?": "integer",
  "choices": [{"index": "integer", "message": {"role": "=assistant", "content": "text"}, "finish_reason": "=stop|=length|=paused"}]})"};
constexpr Shape translation_answer{"translations", R"({"translations": [{"detected_source_lang": "text", "text": "text"}]})"};

constexpr Family family{"lightning", error_words, 0, "Invalid JSON: "};
constexpr Family translation_family{"translation", translation_error_words, 0, "Invalid JSON: "};

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = error_json(failure);
  return response;
}

http::Response translation_error_words(const http::Failure& failure) {
  http::Response response = error_words(failure);
  if (failure.status >= 500) response.body.insert(1, R"("translations":[],)");
  return response;
}

std::unique_ptr<Dialect> translation_words(NativeHead head, std::string language) {
  return std::make_unique<TranslationWords>(std::move(head), std::move(language));
}

std::unique_ptr<Dialect> native_words(NativeHead head) {
  return std::make_unique<NativeWords>(std::move(head));
}

}  // namespace fulmar::api::lightning
