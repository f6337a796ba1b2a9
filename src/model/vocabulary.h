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
  std::filesystem::path file;  // among those beside the model; empty where it is none of them
  std::string where;           // the file's path; "inside the model", "what ships with Fulmar", "--vocab"
};

// Where `vocab` is empty: the one that `model` carries, else the .vocab among the files `beside` it (see
// ModelFolder), else the first of the others whose size is right for the model, else World. A file that is
// not taken is named in a warning. Throws Error, naming the file, where `vocab` (Error(misuse)) or the .vocab has more
// ids than the model has tokens, or fewer by an eighth and 1024 at least; "bytes" is taken as it is.
FoundTokenizer open_vocabulary(const std::string& vocab, const Source& model,
                               const std::vector<std::filesystem::path>& beside);

// For a vocabulary that nobody named: throws Error(misuse), with the cure, where it has more ids than the
// model has tokens (V).
void check_fits(const Tokenizer& tokenizer, uint64_t V);

}  // namespace fulmar
