// GET /slots and POST /slots/{id}?action=save|restore|erase. A place of this engine has no text of its own between two
// requests; what slot 0 remembers is the session named slot:0, and a saved file is a session too.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <optional>

#include "answer/durable.h"
#include "answer/json.h"
#include "api/llama/llama.h"

namespace fulmar::api::llama {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

uint32_t slot_in_path(const Call& call, uint32_t slots) {
  const std::string& word = call.http.param;
  uint32_t slot = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), slot);
  if (error != std::errc() || end != word.data() + word.size() || slot >= slots)
    bad_field("id_slot", fmt::format("is no slot; they have the numbers 0 to {}", slots - 1));
  return slot;
}

http::Response answer_of(json::object object) {
  http::Response response;
  response.body = json::serialize(object);
  return response;
}

struct Copy {
  std::string from, to, file;
  const char *tokens, *bytes, *time;  // what llama.cpp calls these
};

void copy(Engine& engine, uint32_t slot, const Copy& asked, const Call& call) {
  StateStore& sessions = engine.sessions();
  const auto start = Clock::now();
  const uint64_t bytes = engine.model().state_bytes;
  answer_when_durable(sessions, sessions.fork(asked.from, asked.to, true), call.family, call.reply,
                      [&sessions, slot, asked, start, bytes](const Outcome&) {
                        const std::optional<SessionEntry> entry = sessions.entry(asked.to);
                        return answer_of({{"id_slot", slot},
                                          {"filename", text(asked.file)},
                                          {asked.tokens, entry ? entry->tokens : 0},
                                          {asked.bytes, bytes},
                                          {"timings", {{asked.time, milliseconds_since(start)}}}});
                      });
}

void erase(StateStore& sessions, uint32_t slot, const Call& call) {
  const std::string id = session_of(slot);
  const std::optional<SessionEntry> entry = sessions.entry(id);
  if (!entry) return call.reply->respond(answer_of({{"id_slot", slot}, {"n_erased", 0}}));
  answer_when_durable(sessions, sessions.erase(id), call.family, call.reply,
                      [slot, tokens = entry->tokens](const Outcome&) {
                        return answer_of({{"id_slot", slot}, {"n_erased", tokens}});
                      });
}

constexpr Field slot[] = {
    {"filename", FieldType::text, "required to save and restore", "The session that the slot's is copied to, or from."},
};

constexpr Field list_query[] = {
    {"fail_on_no_slot", FieldType::text, "absent", "With any value: status 503 where no slot is free.", 0, 16},
};
constexpr Field action_query[] = {
    {"action", FieldType::text, "required", "`save`, `restore` or `erase`.", 0, 16},
};

}  // namespace

constexpr Shape slots_answer{"llama.cpp's slots", R"([{
  "id": "integer", "n_ctx": "integer", "speculative": false, "is_processing": "boolean", "session_id": "text|null", "tokens": "integer"}])"};
constexpr Shape slot_answer{"what became of a slot", R"({
  "id_slot": "integer", "filename?": "text", "n_saved?": "integer", "n_written?": "integer", "n_restored?": "integer", "n_read?": "integer",
  "n_erased?": "integer", "timings?": {"save_ms?": "number", "restore_ms?": "number"}})"};

constexpr Others slot_others{{{{501, "The slot has nothing to save, as its clients know it."}}}};

std::string session_of(uint32_t slot) {
  return fmt::format("slot:{}", slot);
}

constexpr FieldTable slot_fields{"slots", slot, {}};
constexpr FieldTable slot_list_query{"slots' list", list_query, {}};
constexpr FieldTable slot_query{"slots' query", action_query, {}};

void list_slots(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const Engine& engine = *served->engine;
  const ModelInfo& model = engine.model();
  const uint32_t live = engine.stats().live;
  if (live >= model.slots && in_query(call, slot_list_query, "fail_on_no_slot"))
    throw Error(ErrorKind::unavailable, "no slot is free");
  json::array slots;
  for (uint32_t i = 0; i < model.slots; ++i) {
    const std::optional<SessionEntry> entry = engine.sessions().entry(session_of(i));
    slots.push_back(json::object{{"id", i},
                                 {"n_ctx", model.trained_context},
                                 {"speculative", false},
                                 {"is_processing", i < live},
                                 {"session_id", entry ? json::value(text(session_of(i))) : json::value()},
                                 {"tokens", entry ? entry->tokens : 0}});
  }
  http::Response response;
  response.body = json::serialize(slots);
  call.reply->respond(std::move(response));
}

void act_on_slot(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  Engine& engine = *served->engine;
  const uint32_t slot = slot_in_path(call, engine.model().slots);
  const std::string action = in_query(call, slot_query, "action").value_or("");
  if (action == "erase") return erase(engine.sessions(), slot, call);
  if (action != "save" && action != "restore") bad_field("action", "must be save, restore or erase");
  const std::optional<std::string> file = Fields(call.body, slot_fields).text("filename");
  if (!file) bad_field("filename", "is missing");
  check_session_id(*file, "filename");
  const std::string id = session_of(slot);
  if (action == "restore") return copy(engine, slot, {*file, id, *file, "n_restored", "n_read", "restore_ms"}, call);
  if (!engine.sessions().entry(id)) {
    const http::Failure failure(501, fmt::format("slot {} has nothing to save: slots keep no text between requests here, "
                                                 "but what requests with \"session_id\": \"{}\" read and wrote", slot, id));
    return call.reply->respond(http::worded(call.family.wording, failure));
  }
  copy(engine, slot, {id, *file, *file, "n_saved", "n_written", "save_ms"}, call);
}

}  // namespace fulmar::api::llama
