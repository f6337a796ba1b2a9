// GET /v1/server/status: what its clients look at before they send work.
#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {

void server_status(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready();
  const Engine& engine = *served->engine;
  const EngineStats stats = engine.stats();
  const std::string trouble = engine.trouble();
  http::Response response;
  response.body = json::serialize(json::object{{"status", text(trouble.empty() ? "ok" : trouble)},
                                               {"api_version", "v1"},
                                               {"model", text(engine.model().id)},
                                               {"capabilities", json::array{"chat", "completions", "embeddings"}},
                                               {"active_requests", stats.live},
                                               {"prefill_queue", {{"queued_requests", stats.queued}}}});
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::lightning
