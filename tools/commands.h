// The commands of the program; each adds itself to the command line and leaves behind what to run.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>

namespace fulmar::tools {

// Answers the exit code; Error(misuse) becomes 2 and every other error 1.
using Command = std::function<int()>;

void add_serve(CLI::App& app, Command& run);
void add_chat(CLI::App& app, Command& run);
void add_complete(CLI::App& app, Command& run);
void add_logits(CLI::App& app, Command& run);
void add_tokenize(CLI::App& app, Command& run);
void add_convert(CLI::App& app, Command& run);
void add_inspect(CLI::App& app, Command& run);
void add_devices(CLI::App& app, Command& run);
void add_bench(CLI::App& app, Command& run);

// What this program is started again with, to try matrix units in a process that may crash.
inline constexpr const char* matrix_unit_try = "try-matrix-units";
void add_matrix_unit_try(CLI::App& app, Command& run);

}  // namespace fulmar::tools
