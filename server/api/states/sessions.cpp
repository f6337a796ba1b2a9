// POST /state/fork, GET and DELETE /state/{id}: sessions by name.
#include <boost/json/serialize.hpp>

#include "answer/durable.h"
#include "answer/json.h"
#include "api/states/ids.h"
#include "api/states/states.h"
#include "host/host.h"

namespace fulmar::api::states {
namespace {

// In the words that rwkv_lightning has for them.
std::string_view level_of(const SessionEntry& entry) {
  return entry.level == 1 ? "L1 (VRAM)" : entry.level == 2 ? "L2 (RAM)" : "Database (Disk)";
}

double seconds(int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace

constexpr Shape session_answer{"a session", R"({
  "session_id": "text", "tokens": "integer", "cache_level": "text", "on_device": "boolean",
  "bytes": "integer", "created": "number", "updated": "number", "unknown_tokens": "integer", "text": "text|null", "text_missing?": "text"})"};
constexpr Shape deleted_answer{"deleted sessions", R"({"session_id": "text", "deleted": "integer"})"};

void fork(const Context& context, const Call& call) {
  StateStore& sessions = context.sessions();
  const Fields fields(call.body, fork_fields);
  const std::string from = required_id(fields, "from"), to = required_id(fields, "to");
  const auto back = static_cast<uint32_t>(fields.integer("back").value_or(0));
  const Ticket ticket = sessions.fork(from, to, fields.boolean("replace").value_or(false), back);
  answer_when_durable(sessions, ticket, call.family, call.reply,
                      [&sessions, to](const Outcome&) { return named(sessions, to); });
}

void show(const Context& context, const Call& call) {
  StateStore& sessions = context.sessions();
  const std::string id = id_in_path(call);
  const SessionEntry entry = entry_of(sessions, id);
  const Transcript transcript = sessions.transcript(id);
  const host::ServedPtr served = context.host->current();
  const bool spelled = served && served->engine->spells(entry.model);
  json::object told{{"session_id", text(id)},
                    {"tokens", entry.tokens},
                    {"cache_level", level_of(entry)},
                    {"on_device", entry.on_device},
                    {"bytes", entry.bytes},
                    {"created", seconds(entry.created)},
                    {"updated", seconds(entry.updated)},
                    {"unknown_tokens", transcript.unknown},
                    {"text", spelled ? json::value(text(served->engine->text_of(transcript.tokens))) : nullptr}};
  if (!spelled) told["text_missing"] = text(no_text);
  http::Response response;
  response.body = json::serialize(told);
  call.reply->respond(std::move(response));
}

void erase(const Context& context, const Call& call) {
  StateStore& sessions = context.sessions();
  const std::string id = id_in_path(call);
  const Ticket ticket = sessions.erase(id, flag_in_query(call, erase_query, "below"));
  answer_when_durable(sessions, ticket, call.family, call.reply, [id](const Outcome& outcome) {
    http::Response response;
    response.body = json::serialize(json::object{{"session_id", text(id)}, {"deleted", outcome.count}});
    return response;
  });
}

}  // namespace fulmar::api::states
