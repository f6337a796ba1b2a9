// The prompts that RWKV's chat models were trained on.
#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "fulmar/error.h"

namespace fulmar {
namespace {

constexpr std::size_t kNameBytes = 64;

[[noreturn]] void refuse(const std::string& field, const std::string& problem) {
  throw Error(ErrorKind::bad_request, fmt::format("{} {}", field, problem), field);
}

// CRLF to LF, runs of line ends to one (an empty line would end the turn), no white space around.
std::string clean(std::string_view text) {
  constexpr std::string_view white = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_last_not_of(white) - begin + 1);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && text[i + 1] == '\n') continue;  // never the last byte: that one is not white
    if (text[i] == '\n' && out.back() == '\n') continue;
    out.push_back(text[i]);
  }
  return out;
}

enum class Role { system, user, assistant, tool };

Role role_of(const ChatMessage& message, std::size_t index) {
  const std::string& role = message.role;
  if (role == "system" || role == "developer") return Role::system;
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  if (role == "tool") return Role::tool;
  const std::string shown = role.size() <= 40 ? fmt::format("\"{}\"", role) : "none that is known";
  refuse(fmt::format("messages[{}].role", index),
         fmt::format("is {}; use system, developer, user, assistant or tool", shown));
}

std::string name_of(const char* field, const std::string& given, const char* otherwise) {
  if (given.empty()) return otherwise;
  if (given.size() > kNameBytes) refuse(field, fmt::format("must have at most {} bytes", kNameBytes));
  if (std::ranges::any_of(given, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    refuse(field, "must be one line without control characters");
  return given;
}

// How turns look. Names by Role.
struct Layout {
  std::string names[4];
  bool headings = false;  // "### User\nText\n", for function calling; else "User: Text\n\n"

  std::string head(Role role) const {
    const std::string& name = names[static_cast<std::size_t>(role)];
    return headings ? "### " + name + "\n" : name + ":";
  }
  const char* end() const { return headings ? "\n" : "\n\n"; }
  // A line that looks like a heading would begin another turn, so it is moved in by a space.
  std::string text(std::string_view content) const {
    const std::string plain = clean(content);
    if (!headings) return plain;
    std::string out;
    for (std::size_t at = 0; at < plain.size();) {
      const std::size_t end = std::min(plain.find('\n', at), plain.size() - 1) + 1;
      const std::string_view line(plain.data() + at, end - at);
      if (line.starts_with("### ") &&
          std::ranges::any_of(names, [&](const auto& name) { return line.substr(4).starts_with(name); }))
        out += ' ';
      out += line;
      at = end;
    }
    return out;
  }
};

Layout layout_of(const std::vector<ChatMessage>& messages, const TemplateOptions& options) {
  Layout layout{{name_of("system_name", options.system_name, "System"),
                 name_of("user_name", options.user_name, "User"),
                 name_of("assistant_name", options.assistant_name, "Assistant"), "Tool Output"}};
  for (std::size_t i = 0; i < messages.size(); ++i)  // checks every role on the way
    if (role_of(messages[i], i) == Role::tool || !messages[i].tool_calls.empty()) layout.headings = true;
  return layout;
}

void append_call(const ToolCall& call, const Layout& layout, std::string& out) {
  const std::string arguments = layout.text(call.arguments);
  out += fmt::format("**Tool Call:**\n```json\n{{\"name\": \"{}\", \"arguments\": {}}}\n```",
                     layout.text(call.name), arguments.empty() ? "{}" : arguments);
}

// A turn's head and text, without what ends it.
std::string turn_of(const ChatMessage& message, Role role, const Layout& layout) {
  std::string out = layout.head(role);
  const std::string text = layout.text(message.content);
  if (role == Role::tool) return out + "```json\n" + text + "\n```";
  if (!text.empty()) out += (layout.headings ? "" : " ") + text;
  for (const ToolCall& call : message.tool_calls) {
    if (!out.ends_with('\n')) out += '\n';
    append_call(call, layout, out);
  }
  return out;
}

void open_answer(const Layout& layout, Think think, ChatPrompt& prompt) {
  prompt.text += layout.head(Role::assistant);
  const char* gap = layout.headings ? "" : " ";
  // The model closes <think and </think itself: its training text has the ">" in the token that follows.
  if (think == Think::on) prompt.text += fmt::format("{}<think", gap);
  if (think == Think::fake) prompt.text += fmt::format("{}<think>\n</think", gap);
  prompt.opening = think == Think::on     ? TurnOpening::thought
                   : think == Think::fake ? TurnOpening::faked
                                          : TurnOpening::name;
}

// The last message's text goes on. White space at its end is not fed, or the model would have to begin in the
// middle of a token (" word" is one): a line break stays, and a space is taken off what the model writes.
void leave_open(const ChatMessage& message, Role role, const Layout& layout, ChatPrompt& prompt) {
  prompt.text += turn_of(message, role, layout);
  const std::size_t last = message.content.find_last_not_of(" \t\r\n\v\f");
  const std::string_view tail = std::string_view(message.content).substr(last + 1);
  if (tail.find('\n') != tail.npos) prompt.text += '\n';
  prompt.opening = tail.empty() || tail.ends_with('\n') ? TurnOpening::none : TurnOpening::name;
}

}  // namespace

ChatPrompt apply_chat_template(const std::vector<ChatMessage>& messages, const TemplateOptions& options) {
  if (messages.empty()) refuse("messages", "must have at least one message");
  const Layout layout = layout_of(messages, options);
  ChatPrompt prompt;
  for (const Role role : {Role::system, Role::user, Role::assistant})
    prompt.stops.push_back(std::string(layout.headings ? "\n" : "\n\n") + layout.head(role));
  if (layout.headings) prompt.stops.push_back(std::string("\n") + layout.head(Role::tool));
  if (options.presystem) {
    prompt.text += turn_of({"user", "hi"}, Role::user, layout) + layout.end();
    prompt.text += turn_of({"assistant",
                            "Hi. I am your assistant and I will provide expert full response in full "
                            "details. Please feel free to ask any question and I will always answer it."},
                           Role::assistant, layout) +
                   layout.end();
  }
  const ChatMessage& last = messages.back();
  const Role last_role = role_of(last, messages.size() - 1);
  const bool open = options.continue_final_message.value_or(last_role == Role::assistant);
  // An empty message of the assistant and one that ends in a call have no text to go on with.
  const bool has_text = !clean(last.content).empty() && last.tool_calls.empty();
  if (open && last_role == Role::tool)
    refuse("continue_final_message", "is true, but the last message is a tool's output");
  const bool goes_on = open && (has_text || last_role != Role::assistant);
  const bool left_out = open && !goes_on && last.tool_calls.empty();
  const std::size_t whole = messages.size() - (goes_on || left_out ? 1 : 0);
  for (std::size_t i = 0; i < whole; ++i) {
    const Role role = role_of(messages[i], i);
    if (role == Role::system && clean(messages[i].content).empty()) continue;  // clients send these for none
    prompt.text += turn_of(messages[i], role, layout) + layout.end();
  }
  if (goes_on)
    leave_open(last, last_role, layout, prompt);
  else
    open_answer(layout, options.think, prompt);
  return prompt;
}

}  // namespace fulmar
