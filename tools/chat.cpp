// `fulmar chat`: a conversation in the terminal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "ask.h"
#include "base/json_text.h"
#include "base/terminal.h"
#include "commands.h"
#include "model_flags.h"

namespace fulmar::tools {
namespace {

struct ChatFlags : ModelFlags, SamplingFlags {
  std::string system;
  Think think = Think::standard;
  ThinkWord word = ThinkWord::none;
  std::optional<uint32_t> reasoning_budget;
  bool show_prompt = false;
};

std::vector<ChatMessage> opening(const ChatFlags& flags) {
  if (flags.system.empty()) return {};
  return {{"system", flags.system}};
}

// The prompt as the model gets it, on one line, and its tokens.
void show_prompt(const Engine& engine, PromptInput input) {
  input.keep_text = true;
  const auto prompt = engine.prepare(input);
  std::fprintf(stderr, "%s\n",
               fmt::format("{}: {}\ntokens: {}", prompt->chat_template, json_quoted(prompt->text),
                           fmt::join(prompt->tokens, " "))
                   .c_str());
}

// An answer on the terminal, behind its thought.
class Page {
 public:
  void show(std::string_view thought, std::string_view text) {
    if (!thought.empty()) put(std::exchange(thinks_, true) ? "" : "<think>\n"), put(thought);
    if (!text.empty()) end_thought(), put(text);
    answer_ += text;
    std::fflush(stdout);
  }
  // The text, which is what the conversation goes on from.
  std::string end() {
    end_thought();
    put("\n");
    std::fflush(stdout);
    return std::move(answer_);
  }

 private:
  static void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
  void end_thought() {
    if (std::exchange(thinks_, false)) put("\n</think>\n");
  }

  bool thinks_ = false;
  std::string answer_;
};

int run_chat(const ChatFlags& flags) {
  const api::ProfileChoice profiles = api::profile_choice(flags.profile);
  EngineOptions options = single_user(flags);
  options.thinking_budget = flags.reasoning_budget;
  const std::unique_ptr<Engine> engine = Engine::create(options);
  api::log_profile(api::profile_in_use(profiles, engine->model()));
  const bool watched = is_terminal(StandardStream::in);
  if (watched)
    std::fprintf(stderr,
                 "%s on %s. /reset forgets the conversation, /quit ends it, Ctrl-C stops an answer.\n",
                 engine->model().id.c_str(), engine->model().strategy.c_str());

  std::vector<ChatMessage> messages = opening(flags);
  std::string line;
  while (true) {
    if (watched) std::fprintf(stderr, "> ");
    if (!std::getline(std::cin, line) || line == "/quit") return 0;
    if (line == "/reset") {
      messages = opening(flags);
      continue;
    }
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    messages.push_back({"user", line});
    PromptInput prompt;
    prompt.messages = messages;
    prompt.chat.think = flags.think;
    prompt.chat.word = flags.word;
    if (flags.show_prompt) show_prompt(*engine, prompt);
    Page page;
    ask(*engine, prompt, flags, profiles,
        [&page](std::string_view thought, std::string_view text) { page.show(thought, text); });
    messages.push_back({"assistant", page.end()});
  }
}

}  // namespace

void add_chat(CommandLine& line) {
  auto flags = std::make_shared<ChatFlags>();
  Command command = line.command("chat", "Talk with a model in the terminal");
  add_model_flags(command, *flags, NoModel::demo);
  add_vocab_flag(command, *flags);
  command.option("--system", flags->system, "What the model is told before the conversation");
  command.choice("--think", flags->think,
                 "How an answer begins: off, on (think first) or fake (an empty thought); by default as the template "
                 "has it",
                 {{"off", Think::off}, {"on", Think::open}, {"fake", Think::fake}});
  command.choice("--think-word", flags->word,
                 "What is said of a thought's length at the end of each question: think, bit or lot",
                 {{"think", ThinkWord::think}, {"bit", ThinkWord::a_bit}, {"lot", ThinkWord::a_lot}});
  add_chat_flags(command, *flags, flags->reasoning_budget);
  command.flag("--show-prompt", flags->show_prompt, "Print each prompt and its tokens on stderr");
  add_sampling_flags(command, *flags, "model");
  command.runs([flags] { return run_chat(*flags); });
}

}  // namespace fulmar::tools
