// Runs one request and hands its text to the terminal as it is made; with the flags that shape a request.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"
#include "fulmar/engine.h"

namespace fulmar::tools {

struct SamplingFlags {
  Sampling sampling;
  uint32_t max_tokens = 512;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

void add_sampling_flags(Command& command, SamplingFlags& flags);
void apply(const SamplingFlags& flags, Request& request);

// What is new of an answer: its thought, which comes first, and its text.
using Show = std::function<void(std::string_view thought, std::string_view text)>;

// Calls `show` on this thread for every piece. Ctrl-C ends the generation, not the program, and makes
// it answer Finish::cancelled. Throws what the engine reported.
Finish ask(Engine& engine, const PromptInput& prompt, Request request, const Show& show);

}  // namespace fulmar::tools
