// GET /health: 200 when requests are taken, 503 with the reason when they are not.
#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/routes.h"
#include "host/host.h"

namespace fulmar::api {
namespace {

// docs/sessions.md says what these are.
json::object told(const StoreStats& store) {
  return {{"count", store.sessions},
          {"l1", store.level1},
          {"l2", store.level2},
          {"l3", store.level3},
          {"hits", store.hits},
          {"reads", store.reads},
          {"misses", store.misses},
          {"memory_bytes", store.memory_bytes},
          {"file_bytes", store.file_bytes},
          {"journal_queued", store.queued},
          {"journal_lag_seconds", store.lag_seconds},
          {"unwritten_states", store.unwritten},
          {"checkpoints", store.checkpoints},
          {"checkpoint_seconds", store.checkpoint_seconds},
          {"slowest_checkpoint_seconds", store.slowest_checkpoint},
          {"last_error", store.last_error.empty() ? json::value() : json::value(text(store.last_error))}};
}

json::object told(const host::Served& served) {
  const Engine& engine = *served.engine;
  const ModelInfo& model = engine.model();
  const EngineStats stats = engine.stats();
  return {{"status", "ok"},
          {"model", text(model.id)},
          {"version", text(model.version)},
          {"strategy", text(model.strategy)},
          {"device", text(model.device)},
          {"live", stats.live},
          {"queued", stats.queued},
          {"steps", stats.steps},
          {"prompt_tokens", stats.prompt_tokens},
          {"completion_tokens", stats.completion_tokens},
          {"cached_tokens", stats.cached_tokens},
          {"sessions", told(engine.sessions().stats())},
          {"prefix_cache",
           {{"hits", stats.prefix_hits},
            {"misses", stats.prefix_misses},
            {"states", stats.prefix_states},
            {"bytes", stats.prefix_bytes}}}};
}

constexpr Shape served_shape{"health with a model", R"({
  "status": "=ok", "model": "text", "version": "text", "strategy": "text", "device": "text", "live": "integer", "queued": "integer",
  "steps": "integer", "prompt_tokens": "integer", "completion_tokens": "integer", "cached_tokens": "integer",
  "sessions": {"count": "integer", "l1": "integer", "l2": "integer", "l3": "integer", "hits": "integer", "reads": "integer",
    "misses": "integer", "memory_bytes": "integer", "file_bytes": "integer", "journal_queued": "integer", "journal_lag_seconds": "number",
    "unwritten_states": "integer", "checkpoints": "integer", "checkpoint_seconds": "number", "slowest_checkpoint_seconds": "number",
    "last_error": "text|null"},
  "prefix_cache": {"hits": "integer", "misses": "integer", "states": "integer", "bytes": "integer"}})"};
constexpr Shape unserved_shape{"health without a model", R"({"status": "=ok", "model": null})"};

}  // namespace

constexpr Shape health_answer{"health", R"("@health with a model|@health without a model")", {&served_shape, &unserved_shape}};

void health(const Context& context, const Call& call) {
  std::string trouble = context.host->trouble();
  if (context.draining) trouble = "draining: the server is shutting down";
  if (!trouble.empty()) throw Error(ErrorKind::unavailable, trouble);
  http::Response response;
  if (const host::ServedPtr served = context.host->current())
    response.body = json::serialize(told(*served));
  else
    response.body = R"({"status":"ok","model":null})";
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
