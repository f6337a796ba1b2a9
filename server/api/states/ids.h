// What the endpoints for states agree in: names of sessions in requests, and answers about them.
#pragma once
#include <string>

#include "answer/fields.h"
#include "answer/row.h"
#include "fulmar/state_store.h"

namespace fulmar::api::states {

// Throws Error(bad_request) for what can be no session's name.
std::string required_id(const Fields& fields, std::string_view field);
std::string id_in_path(const Call& call);

// true or false, as a query says it; false where it does not.
bool flag_in_query(const Call& call, const FieldTable& query, std::string_view name);

// Throws Error(not_found).
SessionEntry entry_of(const StateStore& sessions, const std::string& id);
// Throws Error(bad_request) where there is one of this name; `cure` says what lets it be replaced.
void refuse_existing(const StateStore& sessions, const std::string& id, const std::string& field, std::string_view cure);

// {"session_id": ..., "tokens": ...}
http::Response named(const StateStore& sessions, const std::string& id);

}  // namespace fulmar::api::states
