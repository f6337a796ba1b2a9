// Looks for a model's companions by name, and into the model itself; see model_folder.h.
#include "model/model_folder.h"

#include <algorithm>
#include <charconv>

#include "base/fail.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "model/model_name.h"
#include "text/json_fields.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_inner_name = 256;

std::optional<TextFile> inside(const Source& file, const std::string& key) {
  return bounded({file.label() + ": " + key, file.metadata(key).value_or("")});
}

// Where a model's companions are looked for.
class Place {
 public:
  explicit Place(const fs::path& given) {
    std::error_code error;
    fs::path path = fs::absolute(given, error).lexically_normal();
    if (error) path = given;
    if (!path.has_filename()) path = path.parent_path();
    const bool is_folder = fs::is_directory(path, error);
    folder_ = is_folder ? path : path.parent_path();
    const std::string file = to_utf8(path.filename());
    if (is_folder || is_one_of_several(file) || file == "model.safetensors" || file == "pytorch_model.bin") {
      name_ = model_name(folder_);
    } else {
      name_ = model_name(path);
      own_ = name_;
    }
  }

  const std::string& name() const { return name_; }
  const fs::path& folder() const { return folder_; }

  // The file of this name, or the model's own one.
  std::optional<TextFile> read(const std::string& file) const {
    if (!own_.empty())
      if (auto named = read_companion(in_folder(own_ + "." + file))) return named;
    return read_companion(in_folder(file));
  }
  fs::path in_folder(const std::string& file) const {
    return folder_ / fs::path(std::u8string(file.begin(), file.end()));
  }

 private:
  fs::path folder_;
  std::string name_, own_;  // own_: of a file that is not called like any model's
};

// The template in a tokenizer_config.json: a text, or the default of a list of named ones.
std::optional<TextFile> template_in(const TextFile& config) {
  try {
    const JsonFields fields(config.text, config.where);
    if (!fields.has("chat_template")) return std::nullopt;
    auto text = fields.text("chat_template");
    for (int i = 0; !text; ++i) {
      const std::string entry = fmt::format("chat_template.{}.", i);
      const auto name = fields.text(entry + "name");
      if (!name) break;
      if (*name == "default") text = fields.text(entry + "template");
    }
    if (text) return bounded({config.where, std::string(*text)});
    log_warning(
        "{}: its chat_template is neither a text nor a list with a text named default; it is passed over",
        config.where);
  } catch (const Error& error) {
    log_warning("{}; it is passed over", error.what());
  }
  return std::nullopt;
}

// A vocabulary of the model's own name is there even where it is of no use: whoever takes it says so.
std::vector<fs::path> vocabularies(const fs::path& given, const Place& place) {
  std::vector<fs::path> list;
  const auto add = [&](const fs::path& path) {
    if (is_of_use(path)) list.push_back(path);
  };
  if (fs::path own = vocabulary_beside(given); is_there(own)) list.push_back(std::move(own));
  add(place.in_folder("tokenizer.json"));
  // World under the names of BlinkDL's, ai00's and Hugging Face's repositories.
  std::vector<fs::path> world;
  std::error_code error;
  for (fs::directory_iterator file(place.folder(), error), end; !error && file != end;
       file.increment(error)) {
    const std::string name = to_utf8(file->path().filename());
    if (name.starts_with("rwkv_vocab_") && (name.ends_with(".txt") || name.ends_with(".json")))
      world.push_back(file->path());
  }
  std::ranges::sort(world, std::greater());  // the .txt before the .json of that name
  for (const fs::path& path : world) add(path);
  add(place.in_folder("vocab.txt"));
  return list;
}

// The number behind "ctx" in a name.
uint32_t context_in(std::string_view name) {
  for (std::size_t at = 0; (at = name.find("ctx", at)) != name.npos; at += 3) {
    uint32_t tokens = 0;
    const char *begin = name.data() + at + 3, *end = name.data() + name.size();
    if (std::from_chars(begin, end, tokens).ec == std::errc() && tokens > 0) return tokens;
  }
  return 0;
}

uint32_t whole(double number) {
  return number >= 1 && number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
}

}  // namespace

std::vector<fs::path> vocabularies_beside(const fs::path& given) {
  return vocabularies(given, Place(given));
}

ModelFolder look_around(const fs::path& given, const Source& file) {
  const Place place(given);
  ModelFolder folder;
  folder.name = place.name();
  folder.inner_name = file.metadata(inner_name_key).value_or("").substr(0, max_inner_name);
  folder.config = place.read("config.json");
  for (const auto& [profile, name, field] : generation_configs) {
    folder.*field = inside(file, std::string(generation_config_prefix) + name);
    if (!(folder.*field)) folder.*field = place.read(std::string(name) + ".json");
  }
  folder.vocabularies = vocabularies(given, place);
  folder.chat_template = inside(file, chat_template_key);
  if (!folder.chat_template) folder.chat_template = place.read("chat_template.jinja");
  if (!folder.chat_template)
    if (const auto config = place.read("tokenizer_config.json")) folder.chat_template = template_in(*config);
  return folder;
}

TrainedContext trained_context(const ModelFolder& folder, const Source& file) {
  const auto told_by = [&](const std::string& key) -> uint64_t {
    uint64_t told = 0;
    const std::string text = file.metadata(key).value_or("");
    std::from_chars(text.data(), text.data() + text.size(), told);
    return told;
  };
  if (const uint64_t own = told_by(trained_context_key); own > 0 && own <= UINT32_MAX)
    return {static_cast<uint32_t>(own), file.label() + ": " + trained_context_key};
  if (folder.config) try {
      const JsonFields fields(folder.config->text, folder.config->where);
      for (const char* key : {"context_length", "max_position_embeddings"})
        if (const uint32_t tokens = whole(fields.number(key).value_or(0)))
          return {tokens, folder.config->where};
    } catch (const Error& error) {
      log_warning("{}; it is passed over", error.what());
    }
  constexpr uint64_t endless = 1 << 20;  // what converters write where they do not know
  const std::string key = file.metadata("general.architecture").value_or("") + ".context_length";
  if (const uint64_t told = told_by(key); told > 0 && told < endless)
    return {static_cast<uint32_t>(told), file.label() + ": " + key};
  for (const std::string& name : {folder.name, folder.inner_name})
    if (const uint32_t tokens = context_in(name)) return {tokens, "the model's name"};
  return {};
}

}  // namespace fulmar
