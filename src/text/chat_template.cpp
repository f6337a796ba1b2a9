// The prompt that RWKV's chat models were trained on.
#include "text/chat_template.h"

#include <fmt/format.h>

namespace fulmar {
namespace {

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

}  // namespace

std::string apply_chat_template(const std::vector<ChatMessage>& messages, Think think) {
  if (messages.empty()) {
    throw Error(ErrorKind::bad_request, "messages is empty; send at least one message", "messages");
  }
  std::string prompt;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& [role, content] = messages[i];
    std::string_view name;
    if (role == "user") name = "User:";
    if (role == "assistant") name = "Assistant:";
    if (role == "system" || role == "developer") name = "System:";
    if (name.empty()) {
      const std::string shown = role.size() <= 40 ? fmt::format("\"{}\"", role) : "none that is known";
      throw Error(ErrorKind::bad_request,
                  fmt::format("messages[{}].role is {}; use system, user or assistant", i, shown),
                  "messages");
    }
    const std::string text = clean(content);
    if (text.empty() && name == "System:") continue;  // clients send these to mean none
    prompt += name;
    if (!text.empty()) prompt += " " + text;
    prompt += "\n\n";
  }
  prompt += "Assistant:";
  // The model closes <think and </think itself: its training text has the ">" in the token that follows.
  if (think == Think::on) prompt += " <think";
  if (think == Think::fake) prompt += " <think>\n</think";
  return prompt;
}

std::vector<std::string> chat_stops() {
  return {"\n\nUser:", "\n\nAssistant:", "\n\nSystem:"};
}

}  // namespace fulmar
