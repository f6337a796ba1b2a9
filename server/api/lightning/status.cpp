// GET /v1/server/status: what its clients look at before they send work, and the family's errors.
#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

http::Response error_words(const http::Failure& failure) {
  http::Response response;
  response.body = json::serialize(json::object{{"error", text(failure.message)}});
  return response;
}

}  // namespace

constexpr Family family{"lightning", error_words};

void server_status(const Context& context, const Call& call) {
  const Engine& engine = context.ready();
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
