// Rows of scores by prompt; see prompt_scores.h.
#include "answer/prompt_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "fulmar/error.h"

namespace fulmar::api {
namespace {

constexpr TokenScore nothing{-1, std::numeric_limits<float>::quiet_NaN()};

}  // namespace

void PromptScores::check_size(const std::vector<Request>& prompts, size_t times) {
  size_t bytes = 0;
  for (const Request& request : prompts)
    if (const auto top = request.report.prompt_logprobs)
      bytes += request.prompt->tokens.size() * (size_t{1} + *top) * sizeof(TokenScore) * times;
  if (bytes > kPromptScores)
    throw Error(ErrorKind::bad_request,
                fmt::format("log probabilities of the prompts' tokens would be {} bytes, more than {}: ask for fewer tokens beside "
                            "each, or for those of shorter or fewer prompts",
                            bytes, kPromptScores),
                "logprobs");
}

void PromptScores::add_prompt(const Request& request) {
  if (!request.report.prompt_logprobs) return;
  const std::vector<Token>& tokens = request.prompt->tokens;
  Prompt& one = prompts_.emplace_back(Prompt{tokens.size(), uint32_t{1} + *request.report.prompt_logprobs, {}});
  one.cells.assign(one.width, nothing);
  one.cells[0].token = tokens.empty() ? 0 : tokens[0];
}

size_t PromptScores::add(size_t prompt, const ScoreRows& rows) {
  if (prompts_.empty() || rows.size() == 0) return 0;
  Prompt& one = prompts_[prompt];
  const size_t before = one.cells.capacity();
  if (one.width != rows.width) {  // a vocabulary that has fewer tokens
    one.width = rows.width;
    one.cells.resize(one.width, nothing);
  }
  one.cells.reserve(one.tokens * one.width);
  one.cells.insert(one.cells.end(), rows.cells.begin(), rows.cells.end());
  return (one.cells.capacity() - before) * sizeof(TokenScore);
}

bool PromptScores::is_whole(size_t prompt) const {
  return prompts_.empty() || rows(prompt).size() >= prompts_[prompt].tokens;
}

ScoreRows PromptScores::rows(size_t prompt) const {
  if (prompts_.empty()) return {};
  return {prompts_[prompt].cells, prompts_[prompt].width};
}

std::vector<uint32_t> best_choices(const std::vector<double>& means, uint32_t drawn, uint32_t shown) {
  std::vector<uint32_t> best;
  for (uint32_t first = 0; first < means.size(); first += drawn) {
    std::vector<uint32_t> of_prompt(drawn);
    std::iota(of_prompt.begin(), of_prompt.end(), first);
    std::ranges::stable_sort(of_prompt, std::greater(), [&](uint32_t index) { return means[index]; });
    best.insert(best.end(), of_prompt.begin(), of_prompt.begin() + shown);
  }
  return best;
}

}  // namespace fulmar::api
