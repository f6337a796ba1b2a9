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
  std::vector<std::string> states;
  std::vector<float> gates;  // --gate
};

// --memory-limit 2G
void add_memory_limit(Command& command, uint64_t& limit);

// What a command without --model does: complain, take the demo model that comes with the program, or do without.
enum class NoModel { misuse, demo, none };
void add_model_flags(Command& command, ModelFlags& flags, NoModel otherwise = NoModel::misuse);
void add_vocab_flag(Command& command, ModelFlags& flags);
// --chat-template and --reasoning-budget
void add_chat_flags(Command& command, ModelFlags& flags, std::optional<uint32_t>& reasoning_budget);

// The demo model's. Throws Error(misuse) where it is not there.
std::string demo_model_file();
// The model that the flags name, the demo model where they name none, with a bar on stderr while it loads; with
// NoModel::none what they say of whatever model comes. Throws Error(misuse) where there are more modes or scalings than
// adapters, or fewer but not one.
ModelSpec spec_of(const ModelFlags& flags, NoModel otherwise = NoModel::demo);

// Engine options for a program with one user. Throws Error(misuse) for more than one --state.
EngineOptions single_user(const ModelFlags& flags);

// Several --state: all of them read the same, and their logits are mixed (MRSS).
void add_gate_flag(Command& command, ModelFlags& flags);
// single_user() with room for a stream of each. Throws Error(misuse) where there are gates, but not one for each.
EngineOptions mixing_user(const ModelFlags& flags);
// What a text begins from: a stream for each --state, none where there is none.
std::vector<Stream> streams_of(const Engine& engine, const ModelFlags& flags);

}  // namespace fulmar::tools
