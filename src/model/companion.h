// One file beside a model, which may be anything that a file system has: a link into nowhere, a folder, a pipe.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace fulmar {

struct TextFile {
  std::string where;  // the file's path, or the file and the field in it: "m.gguf: tokenizer.chat_template"
  std::string text;   // never empty
};

// Whether there is anything of this name, of use or not.
bool is_there(const std::filesystem::path& path);

// Why what is there is of no use: "is a folder", "is a link that leads nowhere", "is empty"; empty where it is a file.
// Nothing is opened, so a pipe holds nobody up.
std::string fault_of(const std::filesystem::path& path);

// Whether there is a file; of anything else that is there a warning is given.
bool is_of_use(const std::filesystem::path& path);

// Nothing where there is none, or, with a warning, none that is of use.
std::optional<TextFile> read_companion(const std::filesystem::path& path);

// Nothing where it is empty, or, with a warning, larger than any model's (1 MiB).
std::optional<TextFile> bounded(TextFile file);

}  // namespace fulmar
