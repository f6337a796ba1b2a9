// The flags that say where sessions are kept and how much of them in memory.
#pragma once
#include <memory>

#include "command_line.h"
#include "fulmar/state_store.h"

namespace fulmar::tools {

struct SessionFlags {
  StoreOptions store;  // an empty file: the user's own
};

void add_sessions_file_flag(Command& command, SessionFlags& flags);
void add_session_flags(Command& command, SessionFlags& flags);  // that one, and how much is kept

// Where the user's sessions are, in a folder that this makes; "none", which is said once, where there is no home for it.
std::string default_sessions_file();

// Throws Error where the file cannot be had: see StateStore::open.
std::shared_ptr<StateStore> open_sessions(const SessionFlags& flags);
// The same for who serves without being asked for sessions: where the user's own file is another program's just now, they
// are kept in memory, which is said. A file that was named is an Error still.
std::shared_ptr<StateStore> open_sessions_to_serve(const SessionFlags& flags);

}  // namespace fulmar::tools
