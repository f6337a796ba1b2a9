// The chat template of a model, from what lies beside it.
#pragma once
#include "fulmar/model.h"
#include "model/model_folder.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace fulmar {

// The template that `asked` names, else the one that the model's name and files tell. What they tell and
// nobody knows is warned of, with what is taken instead. Throws Error(misuse) where `asked` is none.
TemplateChoice template_of(const ModelFolder& folder, const Tokenizer& tokenizer, const std::string& asked);

}  // namespace fulmar
