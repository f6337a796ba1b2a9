// Sessions as people handle them outside of a server: listed, read and copied from one store to another.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "session_flags.h"

namespace fulmar::tools {

// As open_sessions(), but that it makes no file: null where there is none.
std::shared_ptr<StateStore> open_sessions_if_there(const SessionFlags& flags);

std::vector<SessionEntry> all_sessions(const StateStore& store);

// Waits for the disk. Throws Error(not_found), and what keeps it from being read.
FoundSession read_session(StateStore& store, const std::string& id);

// Throws Error(bad_request) where there is such a session.
void refuse_existing(const StateStore& store, const std::string& id);

// Under a name that is free; the copy is one turn. Throws Error.
void copy_session(StateStore& from, const std::string& id, StateStore& to, const std::string& as);

// Waits until it is durable. Throws Error(bad_request) where there is such a session.
void put_session(StateStore& store, const std::string& id, StatePtr state, std::vector<Token> tokens,
                 std::string note = {});

// "2026-11-26 15:04:05", UTC, of Unix time in milliseconds.
std::string time_text(int64_t milliseconds);

}  // namespace fulmar::tools
