// Which vocabulary a model speaks.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "text/tokenizer.h"
#include "weights/source.h"

namespace fulmar {

// `vocab` as open_tokenizer() takes it, or a GGUF file that carries a vocabulary. Empty: World.
std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab);

// Where `vocab` is empty: the one that `model`, opened from `path`, carries, else the file beside it that is
// named after it and ends in .vocab, else World.
std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab, const Source& model,
                                                 const std::filesystem::path& path);

}  // namespace fulmar
