// The flags that say which model to load and how; shared by every command that runs one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.h"
#include "fulmar/engine.h"

namespace fulmar::tools {

struct ModelFlags {
  ModelSpec spec;  // with what is written as it is loaded; spec_of() adds the rest
  bool no_matrix_units = false;
  std::vector<std::string> adapters, adapter_modes;
  std::vector<float> adapter_scalings;
};

// --memory-limit 2G
void add_memory_limit(Command& command, uint64_t& limit);

// What a command without --model does: complain, or take the demo model that comes with the program.
enum class NoModel { misuse, demo };
void add_model_flags(Command& command, ModelFlags& flags, NoModel otherwise = NoModel::misuse);
void add_vocab_flag(Command& command, ModelFlags& flags);
// --chat-template and --reasoning-budget
void add_chat_flags(Command& command, ModelFlags& flags, std::optional<uint32_t>& reasoning_budget);

// The model that the flags name, the demo model where they name none, with a bar on stderr while it loads.
// Throws Error(misuse) where there are more modes or scalings than adapters, or fewer but not one.
ModelSpec spec_of(const ModelFlags& flags);

// Engine options for a program with one user.
EngineOptions single_user(const ModelFlags& flags);

}  // namespace fulmar::tools
