// open_weights(): finds the file or files meant, looks at the first bytes and picks the container's reader.
#include <algorithm>
#include <array>

#include "base/log.h"
#include "weights/containers.h"
#include "weights/names.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_ending = ".index.json";
// Parsed, JSON takes up to 25 times its size. An index of 2,000 tensors has 200 KB, a config.json a few.
constexpr uint64_t max_index = uint64_t{4} << 20, max_model_config = uint64_t{1} << 20;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

SourcePtr open_file(const fs::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  file->advise_sequential();
  return open_container({to_utf8(path)}, std::move(file));
}

SourcePtr open_index_file(const fs::path& path) {
  const FileErrors errors{to_utf8(path)};
  const MappedFile file(path);
  if (file.bytes().size() > max_index)
    errors.bad("is an index of more than {} MiB: no checkpoint has one", max_index >> 20);
  return open_index(errors, text_of(file), [&](const std::string& name) {
    return open_file(path.parent_path() / fs::path(std::u8string(name.begin(), name.end())));
  });
}

// "model-00001-of-00003.safetensors" -> "model.safetensors.index.json"; empty for other names and for 1 of 1.
std::string index_of_shard(const std::string& name) {
  constexpr std::string_view of = "-of-";
  constexpr std::size_t digits = 5;
  const std::size_t at = name.rfind(of), end = at + of.size() + digits;
  if (at == std::string::npos || at < digits + 1 || end >= name.size() || name[end] != '.' ||
      name[at - digits - 1] != '-')
    return {};
  const auto all_digits = [&](std::size_t begin) {
    return std::all_of(name.begin() + static_cast<std::ptrdiff_t>(begin),
                       name.begin() + static_cast<std::ptrdiff_t>(begin + digits),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!all_digits(at - digits) || !all_digits(at + of.size()) ||
      name.substr(at + of.size(), digits) == "00001")
    return {};
  return name.substr(0, at - digits - 1) + name.substr(end) + std::string(index_ending);
}

// The model in a folder, by the names that Hugging Face gives it.
fs::path model_in(const fs::path& folder) {
  constexpr std::array names = {"model.safetensors.index.json", "model.safetensors",
                                "pytorch_model.bin.index.json", "pytorch_model.bin"};
  std::error_code ignored;
  for (const char* name : names)
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  FileErrors{to_utf8(folder)}.bad("is a folder without {}: name the model file itself",
                                  fmt::join(names, ", "));
}

// A folder's model, else the path itself: what cannot be opened says so when it is.
fs::path file_meant(const fs::path& given) {
  std::error_code ignored;
  return fs::is_directory(given, ignored) ? model_in(given) : given;
}

// The text of a config.json. One that no model has tells nothing, as a damaged one does.
std::string text_of_config(const fs::path& config) {
  std::error_code error;
  const auto size = fs::file_size(config, error);
  if (error || size == 0 || !fs::is_regular_file(config, error)) return {};
  if (size > max_model_config) {
    log_warning("{}: is larger than {} MiB: no model has such a one; no epsilons are read from it",
                to_utf8(config), max_model_config >> 20);
    return {};
  }
  const MappedFile file(config);
  return std::string(text_of(file));
}

}  // namespace

SourcePtr open_container(const FileErrors& errors, FilePtr file) {
  const std::string_view text = text_of(*file);
  if (text.starts_with("PK\3\4")) return open_pth(errors, std::move(file));
  if (text.starts_with("GGUF")) return open_gguf(errors, std::move(file));
  if (text.starts_with("fmgg")) return open_ggmf(errors, std::move(file));
  if (is_legacy_pth(text)) return open_legacy_pth(errors, std::move(file));
  if (text.starts_with("lmgg") || text.starts_with("tjgg"))
    errors.unsupported("is a file of an older ggml than any RWKV model was made for: take the original .pth");
  // Before pickles: a header of 640 bytes begins as they do.
  if (text.size() > 8 && text[8] == '{') return open_safetensors(errors, std::move(file));
  if (text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5)
    errors.bad("is a pickle, but not one of torch.save: save it with torch.save(model.state_dict(), file)");
  if (text.starts_with("version https://git-lfs"))
    errors.bad("is a Git LFS pointer and not the model itself: run `git lfs pull`");
  errors.bad("is no safetensors, .pth, GGUF or rwkv.cpp file (by its first bytes)");
}

bool is_one_of_several(const std::string& file_name) {
  return file_name.ends_with(index_ending) || !index_of_shard(file_name).empty();
}

SourcePtr open_as_written(const fs::path& given) {
  const fs::path path = file_meant(given);
  const std::u8string name = path.filename().u8string();
  const std::string file_name(name.begin(), name.end()), index = index_of_shard(file_name);
  if (file_name.ends_with(index_ending)) return open_index_file(path);
  if (index.empty()) return open_file(path);
  const fs::path index_path = path.parent_path() / fs::path(std::u8string(index.begin(), index.end()));
  std::error_code ignored;
  if (!fs::is_regular_file(index_path, ignored))
    FileErrors{to_utf8(path)}.bad("is one of several files of a model, but {} is not beside it", index);
  return open_index_file(index_path);
}

SourcePtr open_weights(const fs::path& given) {
  const fs::path path = file_meant(given);
  SourcePtr written = open_as_written(path);
  if (SourcePtr embedding = embedding_names(written)) return embedding;
  if (SourcePtr reranker = reranker_names(written)) return reranker;
  const fs::path config = path.parent_path() / "config.json";
  const std::string text = text_of_config(config);
  return blinkdl_names(std::move(written), {text, to_utf8(config)});
}

}  // namespace fulmar
