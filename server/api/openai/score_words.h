// How OpenAI words the log probabilities of tokens, and how vLLM words those of a prompt's.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answer/dialect.h"
#include "answer/shape.h"

namespace fulmar::api::openai {

// What of them is told, and with how many of the likeliest tokens beside each.
struct ScoreForm {
  std::optional<uint16_t> logprobs;         // of the answer's tokens
  bool echo = false;                        // the prompt's come before those
  std::optional<uint16_t> prompt_logprobs;  // of the prompt's, apart
  std::function<std::string(Token)> spell{};

  bool any() const { return logprobs || prompt_logprobs; }
};

extern const Shape token_shape;             // one of put_chat_rows()
extern const Shape prompt_score_shape;      // one of put_prompt_rows() that is not null
extern const Shape completion_score_shape;  // CompletionScores

// {"token","logprob","bytes","top_logprobs"} of rows [first, ...), with commas between, until `out` has as many bytes as
// `limit`; the row that is next.
size_t put_chat_rows(const ScoreForm& form, const ScoreRows& rows, size_t first, size_t limit, std::string& out);
// Likewise null for the first row, else {"token id": {"logprob","rank","decoded_token"}, ...}.
size_t put_prompt_rows(const ScoreForm& form, const ScoreRows& rows, size_t first, size_t limit, std::string& out);

// {"tokens","token_logprobs","top_logprobs","text_offset"}: lists of as many entries.
class CompletionScores {
 public:
  explicit CompletionScores(ScoreForm form) : form_(std::move(form)) {}

  const ScoreForm& form() const { return form_; }
  // Of one choice's next tokens: the object, or null.
  std::string piece(uint32_t index, const ScoreRows& rows);
  // `"logprobs":` of a choice and, where it is asked for, `"prompt_logprobs":`, a part at a time; false: there is more.
  bool put(const ChoiceScores& scores, std::string& out);

 private:
  static constexpr uint32_t columns = 4;
  struct Place {
    size_t characters = 0;  // whole ones so far
    std::string begun;      // and the bytes of one more
  };
  void open(uint32_t column, std::string& out) const;
  void put_cell(uint32_t column, std::span<const TokenScore> row, Place& place, std::string& out) const;
  std::span<const TokenScore> row(const ChoiceScores& scores, size_t at) const;

  const ScoreForm form_;
  std::vector<Place> places_;  // of a stream's choices
  // Of the choice that is put: the list, its entry, and the place before that.
  uint32_t column_ = 0;
  size_t at_ = 0;
  Place place_;
};

}  // namespace fulmar::api::openai
