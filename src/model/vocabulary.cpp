// Looks for a vocabulary in the model, beside it, and in what ships with the program.
#include "model/vocabulary.h"

#include <algorithm>
#include <fstream>

#include "base/fail.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "model/companion.h"

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

// Models round the number of their tokens up, to a multiple of 1024 at most.
bool is_for(uint64_t ids, uint64_t V) {
  constexpr uint64_t rounding = 1024;
  return ids <= V && V - ids < std::max(rounding, V / 8);
}

// For a file that was named or put there for this model. V: 0 where it is not known.
void check_is_for(const Tokenizer& tokenizer, const std::string& file, uint64_t V, ErrorKind kind) {
  const auto ids = static_cast<uint64_t>(tokenizer.size());
  if (V == 0 || is_for(ids, V)) return;
  fail(kind, "{}: has {} ids and the model {} tokens, so it is another model's vocabulary; give the model's own with --vocab FILE",
       file, ids, V);
}

std::shared_ptr<const Tokenizer> open_own(const fs::path& path) {
  const std::string name = to_utf8(path);
  if (const std::string fault = fault_of(path); !fault.empty())
    fail(ErrorKind::bad_file, "{}: {}, and a file of this name must be the model's vocabulary", name, fault);
  return open_tokenizer(name);
}

// For a model that nothing else was found for.
std::shared_ptr<const Tokenizer> open_shipped(const Source& model) {
  try {
    return open_tokenizer("");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    log_warning("{}", error.what());  // where it was looked for is for whoever runs the program
    fail(ErrorKind::bad_file, "{}: has no vocabulary inside it or beside it, and the World vocabulary that ships with Fulmar is missing: put "
         "the model's own beside it, or install the program's files again", model.label());
  }
}

}  // namespace

std::shared_ptr<const Tokenizer> open_vocabulary(const std::string& vocab) {
  const fs::path path(std::u8string(vocab.begin(), vocab.end()));
  if (vocab.empty() || !is_gguf(path)) return open_tokenizer(vocab);
  if (auto tokenizer = carried_by(*open_weights(path))) return tokenizer;
  fail(ErrorKind::bad_file, "{}: this model carries no vocabulary of kind \"rwkv\": name a vocabulary file",
       vocab);
}

FoundTokenizer open_vocabulary(const std::string& vocab, const Source& model,
                               const std::vector<fs::path>& beside) {
  const auto table = model.info("emb.weight");
  const uint64_t V = table && !table->shape.empty() ? table->shape[0] : 0;
  if (vocab == "bytes") return {open_vocabulary(vocab), {}, "--vocab"};
  if (!vocab.empty()) {
    auto tokenizer = open_vocabulary(vocab);
    check_is_for(*tokenizer, vocab, V, ErrorKind::misuse);
    return {std::move(tokenizer), {}, vocab};
  }
  if (auto tokenizer = carried_by(model)) return {std::move(tokenizer), {}, "inside the model"};
  for (const fs::path& path : beside) {
    const std::string name = to_utf8(path);
    if (path.extension() == ".vocab") {  // named after the model: meant, or at fault
      auto tokenizer = open_own(path);
      check_is_for(*tokenizer, name, V, ErrorKind::bad_file);
      return {std::move(tokenizer), path, name};
    }
    try {
      auto tokenizer = open_tokenizer(name);
      const auto ids = static_cast<uint64_t>(tokenizer->size());
      if (V == 0 || is_for(ids, V)) return {std::move(tokenizer), path, name};
      log_warning(
          "{}: has {} ids and the model {} tokens, so it is another model's vocabulary and passed over", name,
          ids, V);
    } catch (const Error& error) {
      log_warning("{}; it is passed over", error.what());
    }
  }
  return {open_shipped(model), {}, "what ships with Fulmar"};
}

void check_fits(const Tokenizer& tokenizer, uint64_t V) {
  if (static_cast<uint64_t>(tokenizer.size()) > V)
    fail(ErrorKind::misuse,
         "this model has {} tokens and the vocabulary {}; give the model's own with --vocab FILE, or --vocab "
         "bytes",
         V, tokenizer.size());
}

}  // namespace fulmar
