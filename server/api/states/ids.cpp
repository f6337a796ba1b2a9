// Names of sessions, from bodies, paths and queries.
#include "api/states/ids.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/states/states.h"

namespace fulmar::api::states {

std::string required_id(const Fields& fields, std::string_view field) {
  const std::optional<std::string> id = fields.text(field);
  if (!id) bad_field(field, "is missing");
  check_session_id(*id, std::string(field));
  return *id;
}

std::string id_in_path(const Call& call) {
  check_session_id(call.http.param);
  return call.http.param;
}

bool flag_in_query(const Call& call, const FieldTable& query, std::string_view name) {
  const std::optional<std::string> word = in_query(call, query, name);
  if (!word) return false;
  if (*word == "true" || *word == "1") return true;
  if (*word == "false" || *word == "0") return false;
  bad_field(name, "must be true or false");
}

SessionEntry entry_of(const StateStore& sessions, const std::string& id) {
  std::optional<SessionEntry> entry = sessions.entry(id);
  if (!entry) throw Error(ErrorKind::not_found, fmt::format("there is no session {}", id), "session_id");
  return std::move(*entry);
}

void refuse_existing(const StateStore& sessions, const std::string& id, const std::string& field, std::string_view cure) {
  if (sessions.entry(id))
    throw Error(ErrorKind::bad_request, fmt::format("there is a session {} already; {} replaces it", id, cure), field);
}

constexpr Shape named_answer{"a session's name", R"({"session_id": "text", "tokens": "integer"})"};

http::Response named(const StateStore& sessions, const std::string& id) {
  const std::optional<SessionEntry> entry = sessions.entry(id);
  http::Response response;
  response.body = json::serialize(json::object{{"session_id", text(id)}, {"tokens", entry ? entry->tokens : 0}});
  return response;
}

}  // namespace fulmar::api::states
