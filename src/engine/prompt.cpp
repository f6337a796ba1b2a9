// Sizes are checked before the work that they cause.
#include "engine/prompt.h"

#include <algorithm>

namespace fulmar {
namespace {

constexpr uint64_t kTextBytes = 16;  // for each token allowed; real text has 2 to 5, runs of blanks up to 128

void check_tokens(const char* field, uint64_t tokens, uint32_t max_tokens) {
  if (tokens > max_tokens)
    refuse_field(field, "{} tokens are more than the {} that --max-prompt-tokens allows", tokens, max_tokens);
}

void check_bytes(const char* field, uint64_t bytes, uint32_t max_tokens) {
  if (bytes > kTextBytes * max_tokens)
    refuse_field(field, "{} bytes of text are more than the {} tokens that --max-prompt-tokens allows", bytes,
                 max_tokens);
}

// Before the template is applied: every message, call and tool makes a token at least.
uint64_t bytes_of(const std::vector<ChatMessage>& messages, const std::vector<Tool>& tools) {
  uint64_t bytes = kTextBytes * (messages.size() + tools.size());
  for (const Tool& tool : tools) bytes += tool.name.size() + tool.description.size() + tool.parameters.size();
  for (const ChatMessage& message : messages) {
    bytes += message.content.size() + kTextBytes * message.tool_calls.size();
    for (const ToolCall& call : message.tool_calls) bytes += call.name.size() + call.arguments.size();
  }
  return bytes;
}

// Small vocabularies may lack a letter that nobody sent: the template's.
std::vector<Token> tokens_of(const ChatPrompt& chat, const Tokenizer& tokenizer) {
  try {
    return tokenizer.encode_plain(chat.text);
  } catch (const Error& error) {
    throw Error(error.kind(),
                fmt::format("messages: {}; the text is what the chat template {} makes of them, and POST /v1/completions "
                            "takes one without a template",
                            error.what(), chat.name),
                "messages");
  }
}

// The ends of an answer that the model can draw at once.
std::vector<Token> one_token_each(const std::vector<std::string>& stops, const Tokenizer& tokenizer) {
  std::vector<Token> tokens;
  for (const std::string& stop : stops) {
    const std::vector<Token> spelled = tokenizer.encode_plain(stop);
    if (spelled.size() == 1) tokens.push_back(spelled[0]);
  }
  return tokens;
}

}  // namespace

std::shared_ptr<const Prompt> make_prompt(const PromptInput& input, const Tokenizer& tokenizer,
                                          uint32_t vocab, uint32_t max_tokens, const TemplateChoice& model) {
  const bool has_messages = !input.messages.empty();
  const char* const field = input.embed ? "input" : has_messages ? "messages" : "prompt";
  auto prompt = std::make_shared<Prompt>();
  check_tokens(field, input.tokens.size(), max_tokens);
  if (!input.tokens.empty() && !has_messages) {
    prompt->tokens = input.tokens;
  } else if (has_messages) {
    check_bytes(field, bytes_of(input.messages, input.chat.tools), max_tokens);
    ChatPrompt chat = apply_chat_template(input.messages, input.chat, model);
    check_bytes(field, chat.text.size(), max_tokens);
    prompt->tokens = tokens_of(chat, tokenizer);
    if (chat.token_zero && tokenizer.end_of_text() >= 0)
      prompt->tokens.insert(prompt->tokens.begin(), tokenizer.end_of_text());
    prompt->tokens.insert(prompt->tokens.begin(), input.tokens.begin(), input.tokens.end());
    prompt->stops = std::move(chat.stops);
    prompt->stop_tokens = one_token_each(prompt->stops, tokenizer);
    prompt->chat_template = std::move(chat.name);
    prompt->turn = std::move(chat.turn);
    if (prompt->turn.thinking_budget) prompt->turn.closing = tokenizer.encode_plain(chat.closing);
    for (const Token token : prompt->turn.closing) check_token("thinking_budget", token, vocab);
    if (input.keep_text) prompt->text = std::move(chat.text);
  } else {
    check_bytes(field, input.text.size(), max_tokens);
    prompt->tokens = tokenizer.encode(input.text);
    if (input.keep_text) prompt->text = input.text;
  }
  check_tokens(field, prompt->tokens.size(), max_tokens);
  for (const Token token : prompt->tokens) check_token(field, token, vocab);
  if (input.keep_text && !input.tokens.empty() && !has_messages) prompt->text = tokenizer.decode(prompt->tokens);
  if (prompt->tokens.empty() && !input.may_be_empty) prompt->tokens.push_back(0);  // end of text: what a document begins after
  prompt->tokens.shrink_to_fit();
  return prompt;
}

uint64_t weight_of(const Prompt& prompt) {
  return std::max<uint64_t>(prompt.tokens.size(), prompt.text.size() / kTextBytes);
}

uint64_t weight_of(const Request& request) {
  return weight_of(*request.prompt) + (request.continued ? weight_of(*request.continued) : 0);
}

void check_token(const char* field, Token token, uint32_t vocab) {
  if (token >= 0 && static_cast<uint32_t>(token) < vocab) return;
  refuse_field(field, "token {} is outside this model's vocabulary of {}", token, vocab);
}

}  // namespace fulmar
