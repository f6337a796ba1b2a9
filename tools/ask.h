// Runs one request and hands its text to the terminal as it is made; with the flags that shape a request.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer/profiles.h"
#include "command_line.h"
#include "fulmar/engine.h"

namespace fulmar::tools {

// How tokens are drawn: the profile, but for what is given beside it.
struct SamplingFlags {
  std::string profile;  // --sampling-profile
  std::optional<float> temperature, top_p, min_p, presence_penalty, frequency_penalty, penalty_decay,
      repetition_penalty;
  std::optional<int32_t> top_k;
  std::optional<PenaltyRule> rule;
  std::optional<uint64_t> seed;
  uint32_t max_tokens = 512;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};

// --sampling-profile. `usual`: what is taken where none is named, as --help tells it.
void add_profile_flag(Command& command, std::string& profile, const std::string& usual);
// What SamplingFlags has, that flag among them.
void add_sampling_flags(Command& command, SamplingFlags& flags, const std::string& usual);

// What is new of an answer: its thought, which comes first, and its text.
using Show = std::function<void(std::string_view thought, std::string_view text)>;

// What is read, and what it goes on from; see Request.
struct Question {
  PromptInput prompt;
  std::optional<PromptInput> continued{};
  std::vector<Stream> streams{};
  std::string note{};
};

// Draws as the server does by default: `profiles` is what profile_choice() makes of SamplingFlags::profile.
// Calls `show` on this thread for every piece. Ctrl-C ends the generation, not the program, and makes it
// answer Finish::cancelled. Throws what the engine reported.
Finish ask(Engine& engine, const Question& question, const SamplingFlags& flags,
           const api::ProfileChoice& profiles, const Show& show);

// Waits for the end of a request whose text nobody wants.
void wait_for(Engine& engine, Request request);

}  // namespace fulmar::tools
