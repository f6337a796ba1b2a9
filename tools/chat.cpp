// `fulmar chat`: a conversation in the terminal.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "base/terminal.h"
#include "commands.h"
#include "generation.h"
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

// Shows an answer as it comes. What the template opened the turn with is not in the answer: a thought's
// beginning is put back, and the rest of an empty thought and the white space behind it are left out.
class Answer {
 public:
  explicit Answer(Think think) : think_(think) {
    if (think == Think::on) write("<think");
  }

  void show(std::string_view text) {
    if (!begun_ && think_ != Think::on)
      text.remove_prefix(std::min(text.find_first_not_of(skipped()), text.size()));
    begun_ = begun_ || !text.empty();
    write(text);
  }

  // What the conversation goes on from: thoughts are not part of it.
  std::string spoken() const {
    constexpr std::string_view end_of_thought = "</think>";
    const size_t at = text_.find(end_of_thought);
    return think_ == Think::on && at != text_.npos ? text_.substr(at + end_of_thought.size()) : text_;
  }

 private:
  const char* skipped() const { return think_ == Think::fake ? "> \n" : " \n"; }
  void write(std::string_view text) {
    text_ += text;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  Think think_;
  bool begun_ = false;
  std::string text_;
};

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
    request.messages = messages;
    request.think = flags.think;
    Answer answer(flags.think);
    generate(*engine, std::move(request), [&](std::string_view text) { answer.show(text); });
    std::printf("\n");
    std::fflush(stdout);
    messages.push_back({"assistant", answer.spoken()});
  }
}

}  // namespace

void add_chat(CLI::App& app, Command& run) {
  auto flags = std::make_shared<ChatFlags>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model in the terminal");
  add_model_flags(*command, *flags, NoModel::demo);
  add_vocab_flag(*command, *flags);
  command->add_option("--system", flags->system, "What the model is told before the conversation");
  static const std::map<std::string, Think> thinks{
      {"off", Think::off}, {"on", Think::on}, {"fake", Think::fake}};
  command
      ->add_option("--think", flags->think,
                   "How an answer begins: off, on (think first) or fake (an empty thought)")
      ->transform(CLI::CheckedTransformer(thinks));
  add_sampling_flags(*command, *flags);
  command->callback([flags, &run] { run = [flags] { return run_chat(*flags); }; });
}

}  // namespace fulmar::tools
