// Rows of scores as JSON.
#include "api/openai/score_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "answer/held.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace fulmar::api::openai {
namespace {

// JSON has no infinity: OpenAI's number for what is as good as impossible. Of the first token of a text there is none.
std::string number(float logprob) {
  if (std::isnan(logprob)) return "null";
  return fmt::format("{}", std::max(logprob, -9999.0f));
}

// Of a list in which each token must have its own name: a part of a character has its bytes.
std::string name_of(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string name = "bytes:";
  for (const char byte : bytes) name += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return name;
}

std::span<const TokenScore> top_of(std::span<const TokenScore> row, uint16_t most) {
  const std::span<const TokenScore> top = row.subspan(1, std::min<size_t>(most, row.size() - 1));
  const auto lacks = std::ranges::find(top, -1, &TokenScore::token);
  return top.first(static_cast<size_t>(lacks - top.begin()));
}

bool has(std::span<const TokenScore> top, Token token) {
  return std::ranges::find(top, token, &TokenScore::token) != top.end();
}

void put_token(const ScoreForm& form, const TokenScore& score, std::string& out) {
  const std::string bytes = form.spell(score.token);
  out += fmt::format(R"("token":{},"logprob":{},"bytes":[)", json_quoted(replace_bad_utf8(bytes)), number(score.logprob));
  for (size_t i = 0; i < bytes.size(); ++i)
    out += fmt::format("{}{}", i > 0 ? "," : "", static_cast<unsigned char>(bytes[i]));
  out += ']';
}

void put_ranked(const ScoreForm& form, const TokenScore& score, const std::string& rank, std::string& out) {
  out += fmt::format(R"("{}":{{"logprob":{},"rank":{},"decoded_token":{}}})", score.token, number(score.logprob), rank,
                     json_quoted(replace_bad_utf8(form.spell(score.token))));
}

size_t characters_of(const std::string& bytes) {
  return static_cast<size_t>(std::ranges::count_if(bytes, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

// Whether the last of these bytes does not belong to the character that those before it have begun.
bool begins_anew(std::string_view bytes) {
  const Utf8Scan scan = scan_utf8(bytes);
  return scan.valid == 0 && !scan.incomplete;
}

constexpr Shape top_shape{"OpenAI's likely token", R"({"token": "text", "logprob": "number", "bytes": ["integer"]})"};

}  // namespace

constexpr Shape token_shape{"OpenAI's token", R"({
  "token": "text", "logprob": "number", "bytes": ["integer"], "top_logprobs": ["@OpenAI's likely token"]})", {&top_shape}};
constexpr Shape prompt_score_shape{"vLLM's scores", R"({
  "*": {"logprob": "number", "rank": "integer|null", "decoded_token": "text"}})"};
constexpr Shape completion_score_shape{"OpenAI's scores", R"({
  "tokens": ["text"], "token_logprobs": ["number|null"], "top_logprobs": "list", "text_offset": ["integer"]})"};

size_t put_chat_rows(const ScoreForm& form, const ScoreRows& rows, size_t first, size_t limit, std::string& out) {
  for (; first < rows.size() && out.size() < limit; ++first) {
    const std::span<const TokenScore> row = rows[first];
    out += first > 0 ? ",{" : "{";
    put_token(form, row[0], out);
    out += ",\"top_logprobs\":[";
    const std::span<const TokenScore> top = top_of(row, form.logprobs.value_or(0));
    for (size_t i = 0; i < top.size(); ++i) {
      out += i > 0 ? ",{" : "{";
      put_token(form, top[i], out);
      out += '}';
    }
    out += "]}";
  }
  return first;
}

size_t put_prompt_rows(const ScoreForm& form, const ScoreRows& rows, size_t first, size_t limit, std::string& out) {
  for (; first < rows.size() && out.size() < limit; ++first) {
    const std::span<const TokenScore> row = rows[first];
    if (first > 0) out += ',';
    if (std::isnan(row[0].logprob)) {
      out += "null";
      continue;
    }
    const std::span<const TokenScore> top = top_of(row, form.prompt_logprobs.value_or(0));
    out += '{';
    for (size_t i = 0; i < top.size(); ++i) {
      if (i > 0) out += ',';
      put_ranked(form, top[i], fmt::format("{}", i + 1), out);
    }
    if (!has(top, row[0].token)) {
      if (!top.empty()) out += ',';
      put_ranked(form, row[0], "null", out);
    }
    out += '}';
  }
  return first;
}

void CompletionScores::open(uint32_t column, std::string& out) const {
  constexpr const char* names[columns] = {"{\"tokens\":[", "],\"token_logprobs\":[", "],\"top_logprobs\":[", "],\"text_offset\":["};
  out += names[column];
}

void CompletionScores::put_cell(uint32_t column, std::span<const TokenScore> row, Place& place, std::string& out) const {
  if (column == 0) {
    out += json_quoted(name_of(form_.spell(row[0].token)));
  } else if (column == 1) {
    out += number(row[0].logprob);
  } else if (column == 3) {
    const std::string bytes = form_.spell(row[0].token);
    // What it does not go on with is no character, and shown as one.
    if (!place.begun.empty() && !bytes.empty() && begins_anew(place.begun + bytes[0]))
      place.characters += characters_of(replace_bad_utf8(std::exchange(place.begun, {})));
    out += fmt::format("{}", place.characters);
    place.begun += bytes;
    place.characters += characters_of(take_utf8(place.begun));
  } else if (std::isnan(row[0].logprob)) {
    out += "null";
  } else {
    const std::span<const TokenScore> top = top_of(row, form_.logprobs.value_or(0));
    const auto put = [&](const TokenScore& score) {
      out += fmt::format("{}:{}", json_quoted(name_of(form_.spell(score.token))), number(score.logprob));
    };
    out += '{';
    for (size_t i = 0; i < top.size(); ++i) {
      if (i > 0) out += ',';
      put(top[i]);
    }
    if (!has(top, row[0].token)) {
      if (!top.empty()) out += ',';
      put(row[0]);
    }
    out += '}';
  }
}

std::string CompletionScores::piece(uint32_t index, const ScoreRows& rows) {
  if (!form_.logprobs || rows.size() == 0) return "null";
  if (places_.size() <= index) places_.resize(index + 1);
  std::string out;
  for (uint32_t column = 0; column < columns; ++column) {
    open(column, out);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) out += ',';
      put_cell(column, rows[i], places_[index], out);
    }
  }
  return out + "]}";
}

std::span<const TokenScore> CompletionScores::row(const ChoiceScores& scores, size_t at) const {
  const size_t before = form_.echo ? scores.prompt.size() : 0;
  return at < before ? scores.prompt[at] : scores.answer[at - before];
}

bool CompletionScores::put(const ChoiceScores& scores, std::string& out) {
  const size_t limit = out.size() + kPartBytes;
  const size_t count = scores.answer.size() + (form_.echo ? scores.prompt.size() : 0);
  if (!form_.logprobs && column_ == 0) {
    out += "\"logprobs\":null";
    column_ = columns;
  }
  for (; column_ < columns; ++column_, at_ = 0) {
    if (column_ == 0 && at_ == 0) out += "\"logprobs\":";
    if (at_ == 0) open(column_, out);
    for (; at_ < count; ++at_) {
      if (out.size() >= limit && at_ > 0) return false;
      if (at_ > 0) out += ',';
      put_cell(column_, row(scores, at_), place_, out);
    }
    if (column_ + 1 == columns) out += "]}";
  }
  if (form_.prompt_logprobs) {
    if (at_ == 0) out += ",\"prompt_logprobs\":[";
    at_ = put_prompt_rows(form_, scores.prompt, at_, limit, out);
    if (at_ < scores.prompt.size()) return false;
    out += ']';
  }
  column_ = 0;
  at_ = 0;
  place_ = {};
  return true;
}

}  // namespace fulmar::api::openai
