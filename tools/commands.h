// The commands of the program; each adds itself to the command line and leaves behind what to run.
#pragma once
#include "command_line.h"

namespace fulmar::tools {

void add_serve(CommandLine& line);
void add_chat(CommandLine& line);
void add_complete(CommandLine& line);
void add_sessions(CommandLine& line);
void add_logits(CommandLine& line);
void add_tokenize(CommandLine& line);
void add_convert(CommandLine& line);
void add_inspect(CommandLine& line);
void add_devices(CommandLine& line);
void add_bench(CommandLine& line);
void add_bench_serve(Command& bench);  // which add_bench calls

// What this program is started again with, to try matrix units in a process that may crash.
inline constexpr const char* matrix_unit_try = "try-matrix-units";
void add_matrix_unit_try(CommandLine& line);

}  // namespace fulmar::tools
