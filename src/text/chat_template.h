// RWKV's chat templates: which one a model speaks, and the prompt that it makes of messages.
//
// A template is a row of data (template_styles.h): assistant, bot, function_calling, world, raven, pile, none.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/request.h"

namespace fulmar {

// What is known of a model that tells its template.
struct TemplateClues {
  std::string name;           // of its file or folder: "rwkv7-g1h-1.5b-20260710-ctx10240"
  std::string template_text;  // chat_template of its folder or GGUF, which may be a template's name; or empty
  bool has_flower_token = false;  // the vocabulary has a token for the flower that ends a turn of `bot`
};

// RWKV-7's "G1" models by their prompts: up to g1g, and from g1h on. `other`: no G1 by its name.
enum class Series : uint8_t { other, early_g1, late_g1 };

struct TemplateChoice {
  std::string name = "world";
  Series series = Series::other;
  std::string found = "Fulmar's default, where nothing tells";  // a phrase: where it was found
  bool from_text = false;                                   // there: in TemplateClues::template_text
  std::string warning;  // a sentence, where the model's own template is none that is known
};

// `asked`: the template that the user named, or empty. Throws Error(misuse) where there is none of that name.
TemplateChoice pick_template(const TemplateClues& clues, const std::string& asked);
// "assistant, bot, ...", for sentences.
std::string template_names();

struct ChatPrompt {
  std::string name;  // of the template: function_calling in place of some where there are tools
  std::string text;
  bool token_zero = false;         // token 0 stands before the text
  std::vector<std::string> stops;  // what ends the turn, beside the client's own: "\n\nUser:" and its kin
  Turn turn;                       // but for its tokens
  std::string closing;             // what ends a thought: "</think", whose ">" the model writes
};

// Clean text (CRLF to LF, trimmed, and of system and user runs of line ends to one LF), the turns as the template has
// them and at the end the opening of the assistant's turn, or the last message left open. Roles: system (or developer), user,
// assistant, tool, in any order and number. A turn without content is its name alone; a system message without
// content says nothing and is left out. With tools, a tool's output or a call of a tool among the messages the
// template is function_calling in place of assistant and bot, and world, raven and pile have RWKV-Runner's form of them; the
// first system's turn tells of the tools, or one of their own does. No text can begin a turn of its own: a line that looks like a
// heading is moved in by a space there, and up to the line before it where turns begin behind empty lines; the flower
// of `bot` becomes another flower.
//
// With TemplateOptions::continues the text goes on behind an answer's: that answer, and then this text, is the text of
// the whole conversation, but for thoughts.
//
// Throws Error(bad_request) naming the field: no messages, an unknown role, an unknown template, a name of
// more than 64 bytes or with a line break, calls that are not the assistant's, and what cannot be continued: a tool's
// output, and where TemplateOptions asks for it an assistant's message without text or with calls; tools where the template
// has no place for them.
ChatPrompt apply_chat_template(const std::vector<ChatMessage>& messages, const TemplateOptions& options,
                               const TemplateChoice& model = {});

}  // namespace fulmar
