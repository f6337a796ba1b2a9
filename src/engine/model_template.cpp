// From what lies beside a model to the clues, and from them to the template.
#include "engine/model_template.h"

#include "base/log.h"
#include "fulmar/error.h"

namespace fulmar {
namespace {

// A vocabulary may lack the bytes of a flower altogether.
bool has_flower_token(const Tokenizer& tokenizer) {
  try {
    return tokenizer.encode_plain("✿").size() == 1;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TemplateChoice template_of(const ModelFolder& folder, const Tokenizer& tokenizer, const std::string& asked) {
  TemplateClues clues;
  clues.name = folder.inner_name + " " + folder.name;  // the first generation counts, so a new name changes none
  if (folder.chat_template) clues.template_text = folder.chat_template->text;
  clues.has_flower_token = has_flower_token(tokenizer);
  TemplateChoice choice = pick_template(clues, asked);
  if (choice.from_text) choice.found = folder.chat_template->where;
  if (!choice.warning.empty()) log_warning("{}: {}", folder.chat_template->where, choice.warning);
  return choice;
}

}  // namespace fulmar
