// Looks for a vocabulary in the model, beside it, and in what ships with the program.
#include "engine/vocabulary.h"

#include <fstream>

#include "base/fail.h"
#include "weights/source.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

// Nothing where the model carries none.
std::shared_ptr<const Tokenizer> carried_by(const fs::path& model) {
  const SourcePtr source = open_weights(model);
  const std::optional<EmbeddedVocabulary> vocabulary = source->vocabulary();
  if (!vocabulary || vocabulary->tokens.empty()) return nullptr;
  // Where the file does not say: 0 ends a text if it stands for none, as in World vocabularies.
  const Token otherwise = vocabulary->tokens[0].empty() ? 0 : -1;
  const Token end = vocabulary->end_of_text ? static_cast<Token>(*vocabulary->end_of_text) : otherwise;
  return make_tokenizer(vocabulary->tokens, end, source->label());
}

bool is_gguf(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "GGUF";
}

}  // namespace

std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab, const fs::path& model) {
  if (!vocab.empty()) {
    const fs::path path(std::u8string(vocab.begin(), vocab.end()));
    if (!is_gguf(path)) return open_tokenizer(vocab);
    if (auto tokenizer = carried_by(path)) return tokenizer;
    fail(ErrorKind::bad_file, "{}: this model carries no vocabulary of kind \"rwkv\": name a vocabulary file",
         vocab);
  }
  if (model.empty()) return open_tokenizer({});
  if (auto tokenizer = carried_by(model)) return tokenizer;
  const fs::path beside = fs::path(model).replace_extension(".vocab");
  std::error_code ignored;
  return open_tokenizer(fs::is_regular_file(beside, ignored) ? beside.string() : std::string());
}

}  // namespace fulmar
