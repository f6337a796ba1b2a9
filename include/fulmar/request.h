// What a client asks for: a prompt, how tokens are drawn, and where the text ends.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fulmar/model.h"

namespace fulmar {

enum class Think { off, on, fake };  // see TurnOpening

struct ToolCall {
  std::string name, arguments;  // arguments: a JSON object as text
};

struct ChatMessage {
  std::string role;  // "system" or "developer", "user", "assistant", "tool"
  std::string content;
  std::vector<ToolCall> tool_calls{};  // that an assistant's turn made after its content
};

// What the chat template is told beside the messages.
struct TemplateOptions {
  Think think = Think::off;
  std::string user_name, assistant_name, system_name;  // empty: User, Assistant, System; 64 bytes, one line
  bool presystem = false;  // a first exchange in which the assistant promises to answer in full
  // Whether the last message's text goes on instead of a new turn; by default where it is the assistant's.
  std::optional<bool> continue_final_message;
};

// What to continue: `tokens` if any, else `messages` through the RWKV chat template, else `text` as it is. An
// empty prompt is allowed: the end-of-text token (id 0) is fed, so that there is a position to predict from.
struct PromptInput {
  std::string text;
  std::vector<Token> tokens;
  std::vector<ChatMessage> messages;
  TemplateOptions chat;
  bool keep_text = false;  // Prompt::text is wanted
  bool embed = false;      // it is the text of a request for an embedding
};

// How the template left the turn that the model continues. The engine undoes it: a request's text is the
// answer alone.
enum class TurnOpening : uint8_t {
  none,     // no template, or a turn that has text already
  name,     // "Assistant:", and the model begins with a space
  thought,  // "Assistant: <think", and the model goes on with ">"; the text gets the tag back
  faked     // "Assistant: <think>\n</think", and the model goes on with ">" and white space
};

// A prompt is a value: made once by Engine::prepare and shared by all that continue it.
struct Prompt {
  std::string text;                // after the template; empty unless it was wanted
  std::vector<Token> tokens;       // never empty
  std::vector<std::string> stops;  // of the template: the next turn's beginnings
  TurnOpening opening = TurnOpening::none;
};

struct Request {
  std::shared_ptr<const Prompt> prompt;
  Sampling sampling;
  uint32_t max_tokens = 512;  // 0: the prompt is fed, and that is all
  bool embed = false;         // Event::embedding is wanted of the prompt; with max_tokens 0
  // Generation ends before the first of these; never shown. Empty strings are skipped.
  std::vector<std::string> stop;
  std::vector<Token> stop_tokens;
  // Goes on past the ends that the model makes: token 0 (where the vocabulary has no text for it), and the
  // prompt's own stops.
  bool ignore_eos = false;
};

}  // namespace fulmar
