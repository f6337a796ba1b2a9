// `fulmar logits`: the model's logits after every token, as text.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include "base/fail.h"
#include "commands.h"
#include "model/embedding_heads.h"
#include "model/model.h"
#include "model_flags.h"

namespace fulmar::tools {
namespace {

struct LogitsFlags : ModelFlags {
  std::string tokens;
  uint32_t chunk = 64;
};

std::vector<int32_t> parse_tokens(const std::string& text) {
  std::vector<int32_t> tokens;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    int32_t token = 0;
    const auto [next, error] = std::from_chars(at, end, token);
    if (error != std::errc() || (next < end && *next != ',') || next + 1 == end)
      fail(ErrorKind::misuse, "--tokens: '{}' is not a list like 1,2,3", text);
    tokens.push_back(token);
    at = next < end ? next + 1 : end;
  }
  if (tokens.empty()) fail(ErrorKind::misuse, "--tokens: at least one token id is needed");
  return tokens;
}

int run_logits(const LogitsFlags& flags) {
  const std::vector<int32_t> tokens = parse_tokens(flags.tokens);
  const auto chunk = static_cast<uint32_t>(std::min<size_t>(flags.chunk, tokens.size()));
  LoadOptions options{spec_of(flags), 0, {}};
  options.slots = 1;
  options.step_tokens = chunk;
  options.max_picks = chunk;
  const std::unique_ptr<Model> model = Model::load(options);
  refuse_vectors(model->config());
  model->reset_slot(0);

  std::vector<uint32_t> picks(chunk);
  std::iota(picks.begin(), picks.end(), 0);
  fmt::memory_buffer line;
  for (size_t first = 0; first < tokens.size(); first += chunk) {
    const auto rows = static_cast<uint32_t>(std::min<size_t>(chunk, tokens.size() - first));
    const ops::Segment segment{0, 0, rows};
    const std::span<const float> logits =
        model->step({tokens.data() + first, rows}, {&segment, 1}, {picks.data(), rows});
    const size_t width = logits.size() / rows;
    for (uint32_t row = 0; row < rows; ++row) {
      line.clear();
      for (const float logit : logits.subspan(row * width, width))
        fmt::format_to(std::back_inserter(line), "{:.9g} ", logit);
      line.data()[line.size() - 1] = '\n';
      std::fwrite(line.data(), 1, line.size(), stdout);
    }
  }
  return 0;
}

}  // namespace

void add_logits(CommandLine& line) {
  auto flags = std::make_shared<LogitsFlags>();
  Command command = line.command("logits", "Print the logits after every token, one line a position");
  add_model_flags(command, *flags);
  command.option("--tokens", flags->tokens, "Token ids: 1,2,3").required();
  command.option("--chunk", flags->chunk, "Tokens the model is given at once")
      .show_default()
      .between(1, 65536);
  command.runs([flags] { return run_logits(*flags); });
}

}  // namespace fulmar::tools
