// The table of commands; see chat_commands.h.
#include "chat_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "chat_settings.h"
#include "session_copy.h"

namespace fulmar::tools {
namespace {

struct SlashCommand {
  std::string_view name, argument, meaning;
  Reaction (*run)(Conversation&, const std::string& argument);  // null: of how tokens are drawn
};

void say(const std::string& words) {
  std::fprintf(stderr, "%s\n", words.c_str());
}

void list(const std::vector<SessionEntry>& sessions, const std::string& current, std::string_view where) {
  for (const SessionEntry& session : sessions)
    say(fmt::format("{} {}  {:>7} tokens  {}{}", session.id == current ? '*' : ' ', time_text(session.updated),
                    session.tokens, session.id, where));
}

Reaction help(Conversation&, const std::string&);

Reaction retry(Conversation& conversation, const std::string&) {
  return {Next::line, conversation.again(), true};
}
Reaction edit(Conversation& conversation, const std::string& text) {
  return {Next::line, conversation.instead(text)};
}
Reaction save(Conversation& conversation, const std::string& name) {
  conversation.save(name);
  say(fmt::format("saved as session '{}'", name));
  return {};
}
Reaction load(Conversation& conversation, const std::string& name) {
  conversation.load(name);
  say(fmt::format("this is session '{}'", name));
  return {};
}
Reaction branch(Conversation& conversation, const std::string& name) {
  const std::string before = conversation.name();
  conversation.branch(name);
  say(fmt::format("this is session '{}' now; '{}' stays as it is", name, before));
  return {};
}
Reaction sessions(Conversation& conversation, const std::string&) {
  const std::vector<SessionEntry> memory = conversation.in_memory(), file = conversation.in_file();
  list(memory, conversation.name(), "  (until the program ends)");
  list(file, memory.empty() ? conversation.name() : std::string(), "");
  if (memory.empty() && file.empty()) say("there are no sessions");
  return {};
}
Reaction reset(Conversation& conversation, const std::string&) {
  conversation.reset();
  return {};
}
Reaction quit(Conversation&, const std::string&) {
  Reaction end;
  end.next = Next::quit;
  return end;
}

constexpr SlashCommand commands[] = {
    {"retry", "", "the last answer again, with another seed", retry},
    {"edit", "TEXT", "the last message again, as TEXT", edit},
    {"set", "NAME VALUE", "temperature, top-p and their kin, for the answers that follow", nullptr},
    {"save", "NAME", "keep the conversation as session NAME", save},
    {"load", "NAME", "go on with session NAME", load},
    {"branch", "NAME", "go on in a copy, session NAME", branch},
    {"sessions", "", "list the sessions", sessions},
    {"reset", "", "forget the conversation", reset},
    {"help", "", "list the commands", help},
    {"quit", "", "end the program", quit},
};

Reaction help(Conversation&, const std::string&) {
  for (const SlashCommand& command : commands)
    say(fmt::format("/{:<14} {}", fmt::format("{} {}", command.name, command.argument), command.meaning));
  say("//TEXT          say /TEXT to the model\nCtrl-C          end an answer");
  return {};
}

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(white);
  if (begin == text.npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(white) - begin + 1));
}

}  // namespace

Reaction react(Conversation& conversation, SamplingFlags& sampling, const std::string& line) {
  if (trimmed(line).empty()) return {};
  if (!line.starts_with('/')) return {Next::line, conversation.next(line)};
  if (line.starts_with("//")) return {Next::line, conversation.next(line.substr(1))};
  const size_t end = std::min(line.find_first_of(white), line.size());
  const std::string name = line.substr(1, end - 1), argument = trimmed(std::string_view(line).substr(end));
  for (const SlashCommand& command : commands) {
    if (command.name != name) continue;
    if (argument.empty() && !command.argument.empty())
      fail(ErrorKind::bad_request, "/{} needs more: /{} {}", name, name, command.argument);
    if (!argument.empty() && command.argument.empty())
      fail(ErrorKind::bad_request, "/{} stands alone on its line", name);
    if (command.run) return command.run(conversation, argument);
    say(set_value(sampling, argument));
    return {};
  }
  fail(ErrorKind::bad_request, "there is no command /{}: /help lists them, and what begins with // is said to the model",
       name);
}

}  // namespace fulmar::tools
