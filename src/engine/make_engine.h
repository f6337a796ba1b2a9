// Makes an Engine from a model and its vocabulary; Engine::create loads them first, tests bring their own.
#pragma once
#include <memory>

#include "fulmar/engine.h"
#include "model/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace fulmar {

// Slots and rows of a step are the model's. Throws Error(misuse) where the World vocabulary was taken for
// want of another (an empty ModelSpec::vocab) and the model has fewer tokens.
std::unique_ptr<Engine> make_engine(std::unique_ptr<Model> model, std::shared_ptr<const Tokenizer> tokenizer,
                                    const EngineOptions& options, ModelInfo info, TemplateChoice chat = {});

}  // namespace fulmar
