// RWKV's chat template: "User: ...\n\nAssistant:", after the G1 models' published prompts.
#pragma once
#include <string>
#include <vector>

#include "fulmar/engine.h"

namespace fulmar {

// Clean text (CRLF to LF, runs of blank lines to one LF, trimmed), turns joined by a blank line, an optional
// leading "System: ..." and at the end the opening of the assistant's turn: Think::off "Assistant:",
// Think::on "Assistant: <think", Think::fake "Assistant: <think>\n</think". Roles: system (or developer),
// user, assistant, in any order and number. A turn without content is its name alone; a system message
// without content says nothing and is left out. Throws Error(bad_request), param "messages", for an unknown
// role or an empty list.
std::string apply_chat_template(const std::vector<ChatMessage>& messages, Think think);

// What ends an assistant's turn, beside the client's own stops: "\n\nUser:" and its kin.
std::vector<std::string> chat_stops();

}  // namespace fulmar
