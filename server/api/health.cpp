// GET /health: 200 when requests are taken, 503 with the reason when they are not.
#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/routes.h"

namespace fulmar::api {

void health(const Context& context, const Call& call) {
  const Engine* engine = context.engine.load(std::memory_order_acquire);
  std::string trouble = engine ? engine->trouble() : "the model is still loading";
  if (context.draining) trouble = "draining: the server is shutting down";
  if (!trouble.empty()) throw Error(ErrorKind::unavailable, trouble);

  const ModelInfo& model = engine->model();
  const EngineStats stats = engine->stats();
  http::Response response;
  response.body = json::serialize(json::object{{"status", "ok"},
                                               {"model", text(model.id)},
                                               {"version", text(model.version)},
                                               {"strategy", text(model.strategy)},
                                               {"device", text(model.device)},
                                               {"live", stats.live},
                                               {"queued", stats.queued},
                                               {"steps", stats.steps},
                                               {"prompt_tokens", stats.prompt_tokens},
                                               {"completion_tokens", stats.completion_tokens}});
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
