// GET /v1/server/status: what its clients look at before they send work.
#include <algorithm>
#include <boost/json/serialize.hpp>

#include "answer/answer.h"
#include "answer/json.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

constexpr size_t kListed = 100;  // answers, the oldest first

json::value text_or_null(std::string_view word) {
  return word.empty() ? json::value() : json::value(text(word));
}

// One text of an answer is what upstream calls a batch row. How much memory the device has is not known here: null.
json::object queue_of(const ModelInfo& model, const EngineStats& stats) {
  const uint32_t live = std::min(stats.live, model.slots);
  return {{"hard_max_bsz", kChoices},
          {"dynamic_max_bsz", model.slots},
          {"reserved_bsz", live},
          {"available_bsz", model.slots - live},
          {"queued_requests", stats.queued},
          {"free_vram_bytes", nullptr},
          {"total_vram_bytes", nullptr},
          {"reserve_vram_bytes", nullptr},
          {"bytes_per_bsz", model.state_bytes}};
}

json::array running_of(const Context& context) {
  json::array all;
  for (const Running::Named& one : context.running.find()) {
    if (all.size() == kListed) break;
    all.push_back({{"request_id", text(one.id)}, {"texts", one.answer->texts()}});
  }
  return all;
}

json::array paused_of(const Context& context) {
  json::array all;
  for (const Running::Told& one : context.running.paused())
    all.push_back({{"request_id", text(one.id)},
                   {"session_id", text_or_null(one.session)},
                   {"texts", one.texts},
                   {"seconds_left", one.left.count()}});
  return all;
}

constexpr Shape running_shape{"an answer under way", R"({"request_id": "text", "texts": "integer"})"};

}  // namespace

constexpr Shape status_answer{"rwkv_lightning's status", R"({
  "status": "text", "api_version": "=v1", "engine_version": "text", "model": "text", "capabilities": ["text"], "active_requests": "integer",
  "active_request": "@an answer under way|null", "requests": ["@an answer under way"], "last_request": "text|null",
  "paused_requests": [{"request_id": "text", "session_id": "text|null", "texts": "integer", "seconds_left": "integer"}],
  "prefill_queue": {"hard_max_bsz": "integer", "dynamic_max_bsz": "integer", "reserved_bsz": "integer", "available_bsz": "integer",
    "queued_requests": "integer", "free_vram_bytes": null, "total_vram_bytes": null, "reserve_vram_bytes": null,
    "bytes_per_bsz": "integer"}})", {&running_shape}};

void server_status(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const Engine& engine = *served->engine;
  const EngineStats stats = engine.stats();
  const std::string trouble = engine.trouble();
  const ModelInfo& model = engine.model();
  json::array running = running_of(context);
  json::value first = running.empty() ? json::value() : running.front();
  http::Response response;
  response.body = json::serialize(json::object{
      {"status", text(trouble.empty() ? "ok" : trouble)},
      {"api_version", "v1"},
      {"engine_version", text(context.build)},
      {"model", text(model.id)},
      {"capabilities", json::array{"chat", "completions", "embeddings", "batch", "state", "stop", "pause", "resume"}},
      {"active_requests", stats.live},
      {"active_request", std::move(first)},
      {"requests", std::move(running)},
      {"last_request", text_or_null(context.running.last())},
      {"paused_requests", paused_of(context)},
      {"prefill_queue", queue_of(model, stats)}});
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::lightning
