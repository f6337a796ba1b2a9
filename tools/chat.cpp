// `fulmar chat`: a conversation in the terminal.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "ask.h"
#include "base/terminal.h"
#include "commands.h"
#include "model_flags.h"

namespace fulmar::tools {
namespace {

struct ChatFlags : ModelFlags, SamplingFlags {
  std::string system;
  Think think = Think::off;
};

std::vector<ChatMessage> opening(const ChatFlags& flags) {
  if (flags.system.empty()) return {};
  return {{"system", flags.system}};
}

// What the conversation goes on from: thoughts are not part of it.
std::string spoken(const std::string& answer) {
  constexpr std::string_view end_of_thought = "</think>";
  const size_t end = answer.find(end_of_thought);
  return answer.starts_with("<think") && end != answer.npos ? answer.substr(end + end_of_thought.size())
                                                            : answer;
}

int run_chat(const ChatFlags& flags) {
  const std::unique_ptr<Engine> engine = Engine::create(single_user(flags));
  const bool watched = is_terminal(Stream::in);
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
    Request request;
    apply(flags, request);
    PromptInput prompt;
    prompt.messages = messages;
    prompt.chat.think = flags.think;
    std::string answer;
    ask(*engine, prompt, std::move(request), [&answer](std::string_view text) {
      answer += text;
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    });
    std::printf("\n");
    std::fflush(stdout);
    messages.push_back({"assistant", spoken(answer)});
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
                 "How an answer begins: off, on (think first) or fake (an empty thought)",
                 {{"off", Think::off}, {"on", Think::on}, {"fake", Think::fake}});
  add_sampling_flags(command, *flags);
  command.runs([flags] { return run_chat(*flags); });
}

}  // namespace fulmar::tools
