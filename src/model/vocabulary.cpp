// Looks for a vocabulary in the model, beside it, and in what ships with the program.
#include "model/vocabulary.h"

#include <fstream>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "model/model_name.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

// Nothing where the model carries none.
std::shared_ptr<const Tokenizer> carried_by(const Source& model) {
  const std::optional<EmbeddedVocabulary> vocabulary = model.vocabulary();
  if (!vocabulary || vocabulary->tokens.empty()) return nullptr;
  const Token end = vocabulary->end_of_text ? static_cast<Token>(*vocabulary->end_of_text) : -1;
  return make_tokenizer(vocabulary->tokens, end, model.label());
}

bool is_gguf(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "GGUF";
}

}  // namespace

std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab) {
  const fs::path path(std::u8string(vocab.begin(), vocab.end()));
  if (vocab.empty() || !is_gguf(path)) return open_tokenizer(vocab);
  if (auto tokenizer = carried_by(*open_weights(path))) return tokenizer;
  fail(ErrorKind::bad_file, "{}: this model carries no vocabulary of kind \"rwkv\": name a vocabulary file",
       vocab);
}

std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab, const Source& model,
                                                 const fs::path& path) {
  if (!vocab.empty()) return open_vocabulary(vocab);
  if (auto tokenizer = carried_by(model)) return tokenizer;
  const fs::path beside = vocabulary_beside(path);
  std::error_code ignored;
  return open_tokenizer(fs::is_regular_file(beside, ignored) ? to_utf8(beside) : std::string());
}

}  // namespace fulmar
