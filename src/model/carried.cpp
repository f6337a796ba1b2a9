// Companions of a converted model; see carried.h.
#include "model/carried.h"

#include <fstream>
#include <iterator>
#include <span>

#include "base/fail.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "model/vocabulary.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) fail(ErrorKind::bad_file, "{} cannot be read", to_utf8(path));
  return bytes;
}

bool same_ids(const Tokenizer& a, const Tokenizer& b) {
  if (a.kind() != b.kind() || a.size() != b.size() || a.end_of_text() != b.end_of_text()) return false;
  for (Token id = 0; id < a.size(); ++id)
    if (a.bytes(id) != b.bytes(id)) return false;
  return true;
}

bool is_world(const Tokenizer& tokenizer) {
  try {
    return same_ids(tokenizer, *open_vocabulary(""));
  } catch (const Error&) {  // World is not there to compare with
    return false;
  }
}

bool in_one_folder(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(fs::absolute(a).parent_path(), fs::absolute(b).parent_path(), error);
}

// Whether OUT is run with this vocabulary as it is.
bool finds_it_alone(const fs::path& out, const FoundTokenizer& found) {
  const std::vector<fs::path> beside = vocabularies_beside(out);
  if (beside.empty()) return is_world(*found.tokenizer);
  return !found.file.empty() && found.file.extension() != ".vocab" &&
         beside.front().extension() != ".vocab" && in_one_folder(found.file, out);
}

}  // namespace

std::string carried_name(const ModelFolder& folder) {
  const std::string &name = folder.name, &inner = folder.inner_name;
  if (inner.empty()) return name;
  return inner.find(name) != inner.npos ? inner : fmt::format("{} ({})", inner, name);
}

std::map<std::string, std::string> carried_texts(const ModelFolder& folder) {
  std::map<std::string, std::string> texts;
  const auto add = [&](const std::string& key, const std::optional<TextFile>& file) {
    if (file) texts[key] = replace_bad_utf8(file->text);
  };
  add(chat_template_key, folder.chat_template);
  for (const auto& [profile, name, field] : generation_configs)
    add(std::string(generation_config_prefix) + name, folder.*field);
  return texts;
}

void carry_vocabulary(const ConvertOptions& options, const Source& source, const ModelFolder& folder) {
  if (!options.vocab.empty())
    return options.note(fmt::format(
        "a .safetensors file has no place for a vocabulary: run it with --vocab {}", options.vocab));
  FoundTokenizer found;
  try {
    found = open_vocabulary("", source, folder.vocabularies);
  } catch (const Error& error) {
    return options.note(fmt::format("no vocabulary went along: {}", error.what()));
  }
  if (finds_it_alone(options.out, found)) return;
  if (found.file.empty()) {
    if (source.vocabulary())
      options.note(
          fmt::format("a .safetensors file has no place for the vocabulary in {0}: run it with --vocab {0}",
                      to_utf8(options.in)));
    return;
  }
  fs::path to = options.out;
  to.replace_extension(".vocab");
  const std::string bytes = bytes_of(found.file);
  if (is_there(to)) {
    if (fault_of(to).empty() && bytes_of(to) == bytes) return;
    if (!options.replace)
      return options.note(
          fmt::format("{} is another vocabulary than {}, which belongs to the model; --force replaces it",
                      to_utf8(to), to_utf8(found.file)));
  }
  AtomicFile file(to, AtomicFile::Existing::replace);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
  options.note(fmt::format("the model's vocabulary went along: {}", to_utf8(to)));
}

}  // namespace fulmar
