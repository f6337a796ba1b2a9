// Which vocabulary a model speaks.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "weights/source.h"

namespace fulmar {

// `vocab` as open_tokenizer() takes it, or a GGUF file that carries a vocabulary. Empty: World.
std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab);

struct FoundTokenizer {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string where;  // the file's path; "inside the model", "shipped with Fulmar", "--vocab"
};

// Where `vocab` is empty: the one that `model` carries, else the .vocab among the files `beside` it (see
// ModelFolder), else the first of the others whose size is right for the model, else World. A file that is
// not taken is named in a warning.
FoundTokenizer open_vocabulary(const std::string& vocab, const Source& model,
                               const std::vector<std::filesystem::path>& beside);

}  // namespace fulmar
