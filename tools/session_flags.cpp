// The store that the flags name; see session_flags.h.
#include "session_flags.h"

#include "base/log.h"
#include "base/mapped_file.h"
#include "base/platform.h"

namespace fulmar::tools {

void add_sessions_file_flag(Command& command, SessionFlags& flags) {
  command.option("--sessions", flags.store.file,
                 "File that keeps the sessions; none: memory only; by default sessions.db in the user's data folder");
}

void add_session_flags(Command& command, SessionFlags& flags) {
  add_sessions_file_flag(command, flags);
  command.option("--l1-sessions", flags.store.device_sessions, "Sessions used last that count as level 1")
      .show_default()
      .between(0, 1'000'000);
  command.option("--l2-sessions", flags.store.memory_sessions, "Sessions after those that stay in host memory")
      .show_default()
      .between(0, 1'000'000);
  command
      .option("--sessions-limit", flags.store.limit,
              "Size of the file and its log, such as 10G, past which states are dropped and made again from their tokens")
      .size_in_bytes()
      .positive();
}

std::string default_sessions_file() {
  const std::filesystem::path folder = data_folder();
  if (!folder.empty() && make_private_folder(folder)) return to_utf8(folder / "sessions.db");
  log_warning("sessions are kept in memory only: {}; --sessions FILE keeps them",
              folder.empty() ? "the environment names no home" : to_utf8(folder) + " cannot be made");
  return "none";
}

std::shared_ptr<StateStore> open_sessions(const SessionFlags& flags) {
  StoreOptions options = flags.store;
  if (options.file.empty()) options.file = default_sessions_file();
  return StateStore::open(options);
}

std::shared_ptr<StateStore> open_sessions_to_serve(const SessionFlags& flags) {
  try {
    return open_sessions(flags);
  } catch (const Error& error) {
    if (!flags.store.file.empty() || error.kind() != ErrorKind::unavailable) throw;
    log_warning("sessions of this server are kept in memory only: {}", error.what());
  }
  SessionFlags in_memory = flags;
  in_memory.store.file = "none";
  return open_sessions(in_memory);
}

}  // namespace fulmar::tools
