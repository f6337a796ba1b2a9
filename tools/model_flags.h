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
  std::string model, vocab, strategy;
  std::optional<float> head_norm_eps;
  uint32_t threads = 0;
  bool reproducible = false;
  std::vector<std::string> adapters, adapter_modes;
  std::vector<float> adapter_scalings;
  std::string state, state_order;
  uint64_t memory_limit = 0;  // bytes of each GPU; 0: all
  bool no_matrix_units = false;
};

// --memory-limit 2G
void add_memory_limit(Command& command, uint64_t& limit);

// What a command without --model does: complain, or take the demo model that comes with the program.
enum class NoModel { misuse, demo };
void add_model_flags(Command& command, ModelFlags& flags, NoModel otherwise = NoModel::misuse);
void add_vocab_flag(Command& command, ModelFlags& flags);

// Engine options from the flags, with the demo model where none was named. Throws Error(misuse) where there
// are more modes or scalings than adapters, or fewer but not one.
void apply(const ModelFlags& flags, EngineOptions& options);

// Engine options for a program with one user.
EngineOptions single_user(const ModelFlags& flags);

}  // namespace fulmar::tools
