// Completions as objects: pieces in a stream, each with what is new, and one object for all of a choice at its end.
#include "api/llama/words.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <limits>

#include "answer/timings.h"
#include "api/llama/llama.h"
#include "http/sse.h"

namespace fulmar::api::llama {
namespace {

json::array bytes_of(std::string_view token) {
  json::array bytes;
  for (const char byte : token) bytes.emplace_back(static_cast<unsigned char>(byte));
  return bytes;
}

std::string_view stop_type(Finish finish, bool is_word) {
  if (is_word) return "word";
  if (finish == Finish::length) return "limit";
  return finish == Finish::none ? "none" : "eos";
}

// "a/b" is b of a.
const json::value* find(const json::object& object, std::string_view path) {
  const json::value* value = nullptr;
  const json::object* within = &object;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    value = within ? within->if_contains(path.substr(begin, end - begin)) : nullptr;
    if (!value) return nullptr;
    within = value->if_object();
    begin = end + 1;
  }
  return value;
}

constexpr Shape likely_shape{"llama.cpp's likely token", R"({"id": "integer", "token": "text", "bytes": ["integer"], "logprob": "number"})"};
constexpr Shape scored_shape{"llama.cpp's token", R"({
  "id": "integer", "token": "text", "bytes": ["integer"], "logprob": "number", "top_logprobs": ["@llama.cpp's likely token"]})",
                             {&likely_shape}};

class CompletionWords final : public Dialect {
 public:
  explicit CompletionWords(CompletionHead head) : head_(std::move(head)), has_line_(head_.totals.size() * head_.choices) {}

  http::Response stream_head() const override { return http::sse_head(); }
  void open(uint32_t, std::string&) override { is_stream_ = true; }

  void say(std::span<const Said> news, std::string& out) override {
    for (const Said& said : news) {
      has_line_[said.index] = has_line_[said.index] || said.text.find('\n') != said.text.npos;
      const bool ends = said.finish != Finish::none;
      if (!ends || !said.text.empty() || !said.course.tokens.empty()) put(said, out);
      if (ends) put_event(last({said.index, {}, said.finish, said.course, {}, has_line_[said.index]}), out);
    }
  }

  void end(const Usage&, std::string&) override {}
  void fail(const http::Failure& failure, std::string& out) override { out += http::sse_event(family.wording(failure).body); }

  // Choices are objects of their own, of which each is made where it ends.
  bool puts_text() const override { return false; }
  void begin_whole(std::string& out) override { out += is_list() ? "[" : ""; }
  void begin_choice(uint32_t index, const Outline&, std::string& out) override { out += index > 0 ? "," : ""; }
  void end_thought(std::string&) override {}
  void end_choice(uint32_t index, const Ending& ending, std::string& out) override {
    const bool has_line = ending.text.find('\n') != ending.text.npos;
    out += json::serialize(last({index, ending.text, ending.finish, ending.course, ending.scores, has_line}));
  }
  void end_whole(const Usage&, std::string& out) override { out += is_list() ? "]" : ""; }

 private:
  // A choice at its end, with as much as is to be said of it then.
  struct Whole {
    uint32_t index;
    std::string_view text;
    Finish finish;
    const Course& course;
    ScoreRows scores;
    bool has_line;
  };

  bool is_list() const { return has_line_.size() > 1; }

  void put(const Said& said, std::string& out) const {
    const Course& course = said.course;
    const bool is_progress = course.usage.completion == 0 && said.finish == Finish::none;
    json::object event = {{"index", said.index},
                          {"content", text(said.text)},
                          {"tokens", json::array(course.tokens.begin(), course.tokens.end())},
                          {"stop", false},
                          {"id_slot", head_.slot},
                          {"tokens_predicted", course.usage.completion},
                          {"tokens_evaluated", course.usage.prompt}};
    if (is_progress) event["prompt_progress"] = progress_of(course.usage, head_.totals[said.index / head_.choices]);
    if (head_.timings_per_token && !is_progress) event["timings"] = timings_of(course.usage);
    if (said.scores.size() > 0) event["completion_probabilities"] = probabilities(said.scores);
    put_event(event, out);
  }

  static void put_event(const json::object& event, std::string& out) { out += http::sse_event(json::serialize(event)); }

  json::object last(const Whole& whole) const {
    const Course& course = whole.course;
    const bool is_word = course.stop && *course.stop < head_.stops.size();
    json::object all = {{"index", whole.index},
                        {"content", text(whole.text)},
                        {"tokens", json::array()},
                        {"id_slot", head_.slot},
                        {"stop", true},
                        {"model", text(head_.model)},
                        {"tokens_predicted", course.usage.completion},
                        {"tokens_evaluated", course.usage.prompt},
                        {"generation_settings", head_.settings},
                        {"prompt", text(course.prompt ? std::string_view(course.prompt->text) : std::string_view())},
                        {"has_new_line", whole.has_line},
                        {"truncated", false},
                        {"stop_type", stop_type(whole.finish, is_word)},
                        {"stopping_word", is_word ? text(head_.stops[*course.stop]) : json::string()},
                        {"tokens_cached", course.usage.cached},
                        {"timings", timings_of(course.usage)}};
    if (head_.tokens && !is_stream_) all["tokens"] = json::array(course.tokens.begin(), course.tokens.end());
    if (whole.scores.size() > 0) all["completion_probabilities"] = probabilities(whole.scores);
    if (head_.fields.empty()) return all;
    json::object wanted;
    for (const std::string& field : head_.fields)
      if (const json::value* const value = find(all, field)) wanted[field] = *value;
    return wanted;
  }

  json::object named(const TokenScore& score) const {
    const std::string bytes = head_.spell(score.token);
    return {{"id", score.token}, {"token", text(bytes)}, {"bytes", bytes_of(bytes)}, {"logprob", std::max(score.logprob, std::numeric_limits<float>::lowest())}};
  }

  json::array probabilities(ScoreRows scores) const {
    json::array rows;
    for (size_t i = 0; i < scores.size(); ++i) {
      const std::span<const TokenScore> row = scores[i];
      json::object token = named(row[0]);
      json::array top;
      for (const TokenScore& score : row.subspan(1)) top.push_back(named(score));
      token["top_logprobs"] = std::move(top);
      rows.push_back(std::move(token));
    }
    return rows;
  }

  const CompletionHead head_;
  bool is_stream_ = false;  // what is new was said in pieces
  std::vector<bool> has_line_;  // of a stream's choices
};

// What of it is there, response_fields say, who may also ask for what lies within another.
constexpr Shape one_shape{"llama.cpp's completion", R"({
  "index?": "integer", "content?": "text", "tokens?": ["integer"], "id_slot?": "integer", "stop?": true, "model?": "text",
  "tokens_predicted?": "integer", "tokens_evaluated?": "integer", "generation_settings?": "object", "prompt?": "text",
  "has_new_line?": "boolean", "truncated?": false, "stop_type?": "=none|=eos|=limit|=word", "stopping_word?": "text",
  "tokens_cached?": "integer", "timings?": "@llama.cpp's timings", "completion_probabilities?": ["@llama.cpp's token"], "^/": "any"})",
                          {&timings_shape, &scored_shape}};
constexpr Shape list_shape{"llama.cpp's completions", R"(["@llama.cpp's completion"])", {&one_shape}};

}  // namespace

constexpr Shape completion_answer{"llama.cpp's answer", R"("@llama.cpp's completion|@llama.cpp's completions")", {&one_shape, &list_shape}};

std::unique_ptr<Dialect> completion_words(CompletionHead head) {
  return std::make_unique<CompletionWords>(std::move(head));
}

}  // namespace fulmar::api::llama
