// Which vocabulary a model speaks.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "text/tokenizer.h"

namespace fulmar {

// `vocab` as open_tokenizer() takes it, or a GGUF file that carries a vocabulary. Empty: the one that `model`
// carries, else the file beside it that is named after it and ends in .vocab, else World.
std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab,
                                                 const std::filesystem::path& model = {});

}  // namespace fulmar
