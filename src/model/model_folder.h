// What lies beside a model's weights and says how to speak to it, found by the path that a user named.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weights/source.h"

namespace fulmar {

struct TextFile {
  std::string where;  // the file's path, or the file and the field in it: "m.gguf: tokenizer.chat_template"
  std::string text;   // never empty
};

struct ModelFolder {
  // What the model is called, for those who read it out of its name: the file's without its ending, the
  // folder's where the file has the name that all have ("model.safetensors").
  std::string name;
  std::string inner_name;  // what a GGUF calls the model; empty elsewhere
  std::optional<TextFile> config;
  std::optional<TextFile> generation_config, fake_think_generation_config, tools_generation_config;
  std::optional<TextFile> chat_template;  // the template itself, not the JSON around it
  // Files that may be the model's vocabulary, best first: NAME.vocab, tokenizer.json, World's.
  std::vector<std::filesystem::path> vocabularies;
};

// `given` is what open_weights() opened as `file`: a folder, an index, a part, a file. Beside a file NAME.pth
// each companion may be called NAME.generation_config.json or plainly generation_config.json; the former goes
// first. Throws Error(bad_file) for a companion larger than any model's (1 MiB; a tokenizer_config.json 4) or
// unreadable.
ModelFolder look_around(const std::filesystem::path& given, const Source& file);

// Tokens of context in training: config.json's, a GGUF's, or that in the name ("...-ctx25600"). It bounds
// nothing.
struct TrainedContext {
  uint32_t tokens = 0;  // 0: unknown
  std::string where;
};
TrainedContext trained_context(const ModelFolder& folder, const Source& file);

}  // namespace fulmar
