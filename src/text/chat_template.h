// RWKV's chat template: "User: ...\n\nAssistant:", after the G1 models' published prompts.
#pragma once
#include <string>
#include <vector>

#include "fulmar/request.h"

namespace fulmar {

struct ChatPrompt {
  std::string text;
  std::vector<std::string> stops;  // what ends the turn, beside the client's own: "\n\nUser:" and its kin
  TurnOpening opening = TurnOpening::name;
};

// Clean text (CRLF to LF, runs of blank lines to one LF, trimmed), turns joined by a blank line, an optional
// leading "System: ..." and at the end the opening of the assistant's turn, or the last message left open.
// Roles: system (or developer), user, assistant, tool, in any order and number. A turn without content is its
// name alone; a system message without content says nothing and is left out. With a tool's output or a call
// of a tool among the messages the layout is the one for function calling: "### User", the text on the next
// line, turns joined by one line end, calls and outputs in fenced blocks.
//
// Throws Error(bad_request) naming the field: no messages, an unknown role, a name of more than 64 bytes or
// with a line break, a tool's output to be continued.
ChatPrompt apply_chat_template(const std::vector<ChatMessage>& messages, const TemplateOptions& options);

}  // namespace fulmar
