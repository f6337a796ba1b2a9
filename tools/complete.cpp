// `fulmar complete`: continues a text on stdout.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "ask.h"
#include "base/terminal.h"
#include "commands.h"
#include "model_flags.h"

namespace fulmar::tools {
namespace {

struct CompleteFlags : ModelFlags, SamplingFlags {
  std::string prompt = "-";
};

// What a text is drawn by: a model's own only where it was asked for.
Found profile_of_texts(const api::ProfileChoice& profiles, const ModelInfo& model) {
  const bool of_model = profiles.of_model && !model.sampling_profiles.empty();
  if (profiles.fixed || of_model) return api::profile_in_use(profiles, model);
  return {api::profile_for(profiles, model, api::Asking::text).name, "the default for texts"};
}

int run_complete(const CompleteFlags& flags) {
  use_binary_streams();
  const api::ProfileChoice profiles = api::profile_choice(flags.profile);
  EngineOptions options = mixing_user(flags);
  options.chats = false;
  Question question;
  question.prompt.text = flags.prompt;
  if (flags.prompt == "-") question.prompt.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  const std::unique_ptr<Engine> engine = Engine::create(options);
  api::log_profile(profile_of_texts(profiles, engine->model()));
  if (flags.states.size() > 1) question.streams = streams_of(*engine, flags);
  const Finish finish = ask(*engine, question, flags, profiles, [](std::string_view, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  });
  if (is_terminal(StandardStream::out)) std::printf("\n");
  return finish == Finish::stop || finish == Finish::length ? 0 : 1;
}

}  // namespace

void add_complete(CommandLine& line) {
  auto flags = std::make_shared<CompleteFlags>();
  Command command = line.command("complete", "Continue a text");
  add_model_flags(command, *flags, NoModel::demo);
  add_gate_flag(command, *flags);
  add_vocab_flag(command, *flags);
  command.option("--prompt", flags->prompt, "The text to continue; '-' reads it from stdin").show_default();
  add_sampling_flags(command, *flags, "neutral");
  command.runs([flags] { return run_complete(*flags); });
}

}  // namespace fulmar::tools
