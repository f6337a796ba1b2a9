// GET /state/export/{id} and POST /state/import: states as files.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/durable.h"
#include "answer/json.h"
#include "api/states/closing.h"
#include "api/states/ids.h"
#include "api/states/states.h"
#include "fulmar/state_file.h"
#include "host/host.h"

namespace fulmar::api::states {
namespace {

// A name for a file on any system: what is not a letter, a digit or one of "._-" is "_".
std::string file_name(const std::string& id) {
  std::string name = id.substr(0, 64);
  for (char& c : name)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'))
      c = '_';
  if (name[0] == '.' || name[0] == '-') name[0] = '_';
  return name + ".state.safetensors";
}

http::Response file_of(const State& state, StatePrecision precision, const std::string& id) {
  const std::vector<std::byte> bytes = write_state(state, precision, id);
  http::Response response;
  response.body.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  response.content_type = "application/octet-stream";
  response.headers.push_back({"Content-Disposition", fmt::format("attachment; filename=\"{}\"", file_name(id))});
  return response;
}

StatePrecision precision_in_query(const Call& call) {
  const std::string word = in_query(call, export_query, "precision").value_or("f32");
  if (word != "f32" && word != "f16") bad_field("precision", "must be f32, which is exact, or f16");
  return word == "f16" ? StatePrecision::f16 : StatePrecision::f32;
}

http::Response transcript_of(const Engine& engine, const std::string& id, bool as_text) {
  if (as_text && !engine.spells(entry_of(engine.sessions(), id).model)) bad_field("format", std::string(no_text));
  const Transcript transcript = engine.sessions().transcript(id);
  http::Response response;
  if (as_text) {
    response.content_type = "text/plain; charset=utf-8";
    const json::string said = text(engine.text_of(transcript.tokens));
    response.body.assign(said.data(), said.size());
  } else {
    response.body = json::serialize(json::object{{"session_id", text(id)},
                                                 {"unknown_tokens", transcript.unknown},
                                                 {"tokens", json::array(transcript.tokens.begin(), transcript.tokens.end())}});
  }
  return response;
}

}  // namespace

constexpr Shape transcript_answer{"a session's tokens", R"({"session_id": "text", "unknown_tokens": "integer", "tokens": ["integer"]})"};

void export_state(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready();
  Engine& engine = *served->engine;
  const std::string id = id_in_path(call);
  const std::string format = in_query(call, export_query, "format").value_or("state");
  if (format != "state" && format != "tokens" && format != "text") bad_field("format", "must be state, tokens or text");
  const StatePrecision precision = precision_in_query(call);
  if (format != "state") return call.reply->respond(transcript_of(engine, id, format == "text"));
  entry_of(engine.sessions(), id);  // who asks for none need not wait for a slot
  close_states(served, {id}, call, [precision, id](std::vector<StatePtr> states, const std::shared_ptr<http::Reply>& reply) {
    reply->respond(file_of(*states[0], precision, id));
  });
}

size_t most_imported(const Context& context) {
  // Of a model on the shelf, which is loaded only for who sent a whole file, the size is not known.
  const bool may_wait = context.host->shelf().is_open() && !context.draining && !context.host->current();
  return may_wait ? kUnknownFile : static_cast<size_t>(context.loaded()->engine->model().state_bytes) + kFileMargin;
}

void import_state(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready();
  const Engine& engine = *served->engine;
  StateStore& sessions = engine.sessions();
  const std::optional<std::string> asked = in_query(call, import_query, "session_id");
  if (asked) check_session_id(*asked);
  const bool replace = flag_in_query(call, import_query, "replace");
  const ReadState file = read_state(std::as_bytes(std::span(call.http.body)), "the body");
  engine.check_brought(*file.state);
  const std::string id = asked.value_or(file.session);
  if (id.empty()) bad_field("session_id", "is missing: the file names no session, so ?session_id= must");
  if (!replace) refuse_existing(sessions, id, "session_id", "?replace=true");
  KeptTurn turn;
  turn.id = id;
  turn.tokens = file.state->unfed;
  turn.state = file.state;
  turn.whole = true;
  turn.replace = replace;
  answer_when_durable(sessions, sessions.put(std::move(turn)), call.family, call.reply,
                      [&sessions, id](const Outcome&) { return named(sessions, id); });
}

}  // namespace fulmar::api::states
