// What lies beside a model's weights and says how to speak to it, found by the path that a user named.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/companion.h"
#include "weights/source.h"

namespace fulmar {

struct ModelFolder {
  // What the model is called, for those who read it out of its name: the file's without its ending, the
  // folder's where the file has the name that all have ("model.safetensors").
  std::string name;
  std::string inner_name;  // what a GGUF or a converted file calls the model; empty elsewhere
  std::optional<TextFile> config;
  std::optional<TextFile> generation_config, fake_think_generation_config, tools_generation_config;
  std::optional<TextFile> chat_template;  // the template itself, not the JSON around it
  // Files that may be the model's vocabulary, best first: NAME.vocab, tokenizer.json, World's.
  std::vector<std::filesystem::path> vocabularies;
};

// The makers' generation configs: what the profile is called, the file's name without its ".json", where it
// is kept. Inside a converted model they are metadata with generation_config_prefix before the file's name.
struct GenerationConfigPlace {
  const char *profile, *file;
  std::optional<TextFile> ModelFolder::*field;
};
constexpr GenerationConfigPlace generation_configs[] = {
    {"open", "generation_config", &ModelFolder::generation_config},
    {"fake", "fake_think_generation_config", &ModelFolder::fake_think_generation_config},
    {"tools", "tools_generation_config", &ModelFolder::tools_generation_config}};
constexpr const char *generation_config_prefix = "fulmar.", *chat_template_key = "tokenizer.chat_template",
                     *trained_context_key = "fulmar.trained_context", *inner_name_key = "general.name";

// `given` is what open_weights() opened as `file`: a folder, an index, a part, a file. What is inside the
// file goes before what lies beside it. Beside a file NAME.pth each companion may be called
// NAME.generation_config.json or plainly generation_config.json; the former goes first. A companion that is
// no file, unreadable or larger than any model's (1 MiB) is passed over with a warning.
ModelFolder look_around(const std::filesystem::path& given, const Source& file);

// ModelFolder::vocabularies.
std::vector<std::filesystem::path> vocabularies_beside(const std::filesystem::path& given);

// Tokens of context in training: a converted file's own, config.json's, a GGUF's, or that in the name
// ("...-ctx25600"). It bounds nothing.
struct TrainedContext {
  uint32_t tokens = 0;  // 0: unknown
  std::string where;
};
TrainedContext trained_context(const ModelFolder& folder, const Source& file);

}  // namespace fulmar
