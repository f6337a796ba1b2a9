// Scores of the tokens of an answer's prompts, until they are told.
#pragma once
#include <cstddef>
#include <vector>

#include "fulmar/event.h"
#include "fulmar/request.h"

namespace fulmar::api {

constexpr size_t kPromptScores = size_t{32} << 20;  // bytes of one answer's; docs/http-api.md has it

class PromptScores {
 public:
  // Error(bad_request) where `prompts`, each of them shown so often, would have more of them.
  static void check_size(const std::vector<Request>& prompts, size_t times);

  // Of a prompt with one of these as its first token; in the order of the prompts.
  void add_prompt(const Request& request);
  bool empty() const { return prompts_.empty(); }
  // Those of an event of the prompt's choices. By how many bytes it grew.
  size_t add(size_t prompt, const ScoreRows& rows);
  // Whether there is nothing more to come; then nobody changes it any more.
  bool is_whole(size_t prompt) const;
  // A row for each token, the first one's NaN; none where none are wanted.
  ScoreRows rows(size_t prompt) const;

 private:
  struct Prompt {
    size_t tokens;
    uint32_t width;
    std::vector<TokenScore> cells;
  };
  std::vector<Prompt> prompts_;
};

// Of choices, `drawn` for each prompt one after the other, the `shown` ones of each whose tokens are likeliest on average, the
// best first. `means`: of each choice.
std::vector<uint32_t> best_choices(const std::vector<double>& means, uint32_t drawn, uint32_t shown);

}  // namespace fulmar::api
