// `fulmar chat`: a conversation in the terminal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "ask.h"
#include "base/fail.h"
#include "base/json_text.h"
#include "base/terminal.h"
#include "base/utf8.h"
#include "chat_commands.h"
#include "commands.h"
#include "model_flags.h"
#include "session_copy.h"

namespace fulmar::tools {
namespace {

struct ChatFlags : ModelFlags, SamplingFlags {
  std::string system;
  Think think = Think::standard;
  ThinkWord word = ThinkWord::none;
  std::optional<uint32_t> reasoning_budget;
  bool show_prompt = false;
  std::string session;  // empty: in memory
  SessionFlags sessions;
};

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
    std::fflush(stdout);
  }
  void end() {
    end_thought();
    put("\n");
    std::fflush(stdout);
  }

 private:
  static void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
  void end_thought() {
    if (std::exchange(thinks_, false)) put("\n</think>\n");
  }

  bool thinks_ = false;
};

// In a file with --session, else in memory.
EngineOptions engine_options(const ChatFlags& flags) {
  EngineOptions options = mixing_user(flags);
  options.thinking_budget = flags.reasoning_budget;
  if (flags.session.empty()) return options;
  if (flags.sessions.store.file == "none") fail(ErrorKind::misuse, "--session needs a file to be kept in, not --sessions none");
  options.sessions = open_sessions(flags.sessions);  // before the model: its errors cost no loading
  return options;
}

ConversationOptions conversation_options(const ChatFlags& flags, const Engine& engine) {
  ConversationOptions options;
  options.name = flags.session.empty() ? "chat" : flags.session;
  if (!flags.system.empty()) options.opening = {{"system", flags.system}};
  options.chat.think = flags.think;
  options.chat.word = flags.word;
  options.streams = streams_of(engine, flags);
  if (flags.session.empty())
    options.file = [&flags](bool make) {
      return make ? open_sessions(flags.sessions) : open_sessions_if_there(flags.sessions);
    };
  return options;
}

// Whether the next line may do better.
bool may_go_on(const Error& error) {
  const ErrorKind kind = error.kind();
  return kind != ErrorKind::device_lost && kind != ErrorKind::internal && kind != ErrorKind::out_of_memory;
}

class Talk {
 public:
  Talk(const ChatFlags& flags, api::ProfileChoice profiles, Engine& engine)
      : flags_(flags),
        sampling_(flags),
        profiles_(std::move(profiles)),
        engine_(engine),
        conversation_(engine, conversation_options(flags, engine)) {
    if (!flags.system.empty() && conversation_.begun())
      std::fprintf(stderr, "session '%s' has begun: what --system says was not told to it\n", flags.session.c_str());
  }

  // False where it was the last line.
  bool take(const std::string& line) {
    Reaction reaction = react(conversation_, sampling_, line);
    if (reaction.anew && sampling_.seed) ++*sampling_.seed;
    if (reaction.question) answer(*reaction.question);
    return reaction.next != Next::quit;
  }

 private:
  void answer(const Question& question) {
    if (flags_.show_prompt) show_prompt(engine_, conversation_.begun() ? *question.continued : question.prompt);
    Page page;
    Finish finish = Finish::failed;
    try {
      finish = ask(engine_, question, sampling_, profiles_,
                   [&page](std::string_view thought, std::string_view text) { page.show(thought, text); });
    } catch (...) {
      conversation_.asked(false);
      throw;
    }
    page.end();
    conversation_.asked(finish == Finish::cancelled);
  }

  const ChatFlags& flags_;
  SamplingFlags sampling_;
  const api::ProfileChoice profiles_;
  Engine& engine_;
  Conversation conversation_;
};

int run_chat(const ChatFlags& flags) {
  const api::ProfileChoice profiles = api::profile_choice(flags.profile);
  const EngineOptions options = engine_options(flags);
  const std::unique_ptr<Engine> engine = Engine::create(options);
  api::log_profile(api::profile_in_use(profiles, engine->model()));
  Talk talk(flags, profiles, *engine);
  const bool watched = is_terminal(StandardStream::in);
  if (watched)
    std::fprintf(stderr, "%s on %s. /help lists the commands, /quit ends the program, Ctrl-C stops an answer.\n",
                 engine->model().id.c_str(), engine->model().strategy.c_str());
  bool failed = false;
  for (std::string line;;) {
    if (watched) std::fprintf(stderr, "> ");
    if (!std::getline(std::cin, line)) break;
    try {
      if (!talk.take(line)) break;
    } catch (const Error& error) {
      if (!may_go_on(error)) throw;
      std::fprintf(stderr, "fulmar: %s\n", escape_controls(error.what()).c_str());
      failed = true;
    }
  }
  return failed && !watched ? 1 : 0;
}

}  // namespace

void add_chat(CommandLine& line) {
  auto flags = std::make_shared<ChatFlags>();
  Command command = line.command("chat", "Talk with a model in the terminal");
  add_model_flags(command, *flags, NoModel::demo);
  add_gate_flag(command, *flags);
  add_vocab_flag(command, *flags);
  command.option("--session", flags->session, "Go on with this session, or begin it: the conversation is kept");
  add_sessions_file_flag(command, flags->sessions);
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
