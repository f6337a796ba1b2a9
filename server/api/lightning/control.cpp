// POST /v1/server/stop, /pause and /resume: answers under way that end as they are, or go on later.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <memory>
#include <utility>

#include "answer/answer.h"
#include "answer/json.h"
#include "api/lightning/lightning.h"
#include "api/lightning/words.h"

namespace fulmar::api::lightning {
namespace {

[[noreturn]] void refuse_unknown(std::string_view what) {
  throw Error(ErrorKind::not_found, fmt::format("there is no {}; GET /v1/server/status lists those that run and those paused", what),
              "request_id");
}

std::vector<Running::Named> named(const Context& context, const Call& call) {
  const std::string id = Fields(call.body, named_fields).text("request_id").value_or("");
  std::vector<Running::Named> found = context.running.find(id);
  if (found.empty() && !id.empty()) refuse_unknown(fmt::format("answer {} under way", id));
  return found;
}

void respond(http::Reply& reply, std::string_view status, json::array ids) {
  http::Response response;
  response.body = json::serialize(json::object{{"status", text(status)}, {"requests", std::move(ids)}});
  reply.respond(std::move(response));
}

// Answers once nobody has it any more: then all that were to be paused are, or have ended.
class PauseReport {
 public:
  PauseReport(const Context& context, std::shared_ptr<http::Reply> reply) : running_(context.running), reply_(std::move(reply)) {}
  PauseReport(const PauseReport&) = delete;
  PauseReport& operator=(const PauseReport&) = delete;
  ~PauseReport() {
    try {
      json::array paused;
      for (const std::string& id : ids)
        if (running_.is_paused(id)) paused.push_back(text(id));
      respond(*reply_, "paused", std::move(paused));
    } catch (...) {  // no memory for an answer
      reply_->give_up();
    }
  }

  std::vector<std::string> ids;

 private:
  const Running& running_;
  const std::shared_ptr<http::Reply> reply_;
};

}  // namespace

constexpr Shape control_answer{"answers stopped or paused", R"({"status": "=stopped|=paused", "requests": ["text"]})"};

void stop(const Context& context, const Call& call) {
  json::array ids;
  for (const Running::Named& one : named(context, call)) {
    one.answer->stop();
    ids.push_back(text(one.id));
  }
  respond(*call.reply, "stopped", std::move(ids));
}

void pause(const Context& context, const Call& call) {
  const uint64_t state_bytes = context.loaded()->engine->model().state_bytes;
  const std::vector<Running::Named> all = named(context, call);
  for (const Running::Named& one : all)
    if (one.answer->states() * state_bytes > kPausedBytes)
      throw Error(ErrorKind::bad_request,
                  fmt::format("the {} states of {} have {} bytes, and no more than {} are kept of paused answers; "
                              "POST /v1/server/stop ends it",
                              one.answer->states(), one.id, one.answer->states() * state_bytes, kPausedBytes),
                  "request_id");
  const auto report = std::make_shared<PauseReport>(context, call.reply);
  for (const Running::Named& one : all) report->ids.push_back(one.id);
  for (const Running::Named& one : all) one.answer->pause(report);
}

void resume(const Context& context, const Call& call) {
  const Fields fields(call.body, resume_fields);
  const auto id = fields.text("request_id"), session = fields.text("session_id");
  if (!id && !session) throw Error(ErrorKind::bad_request, "Missing request_id or session_id parameter", "request_id");
  const auto max_tokens = fields.integer("max_tokens"), chunk = fields.integer("chunk_size");
  std::optional<PausedAnswer> paused = context.running.take(id.value_or(""), session.value_or(""));
  if (!paused) refuse_unknown(fmt::format("paused answer of {}", id ? *id : *session));
  auto served = std::make_shared<host::Served>();
  served->id = paused->model;
  served->engine = paused->engine.lock();
  if (!served->engine)
    throw Error(ErrorKind::bad_request, fmt::format("the model that began {} is no longer there", paused->id), "request_id");
  context.sessions();  // throws while nothing is to begin
  Asked asked;
  asked.id = paused->id;
  asked.indices = paused->indices;
  asked.prompts = paused->rest;
  asked.delivery.stream = true;
  asked.delivery.chunk = chunk ? static_cast<uint32_t>(*chunk) : paused->chunk;
  for (Request& request : asked.prompts)
    if (max_tokens) request.max_tokens = static_cast<uint32_t>(*max_tokens);
  NativeHead head;
  head.request_id = asked.id;
  head.indices = asked.indices;
  try {
    give_answer(context, served, std::move(asked), native_words(std::move(head)), call);
  } catch (...) {  // no room in the queue: it waits on
    context.running.keep(std::move(*paused));
    throw;
  }
}

}  // namespace fulmar::api::lightning
