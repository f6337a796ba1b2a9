// GET /v1/models and /v1/models/{id}: the one model that is loaded.
#include <boost/json/serialize.hpp>

#include "api/context.h"
#include "api/json.h"
#include "base/fail.h"

namespace fulmar::api {
namespace {

json::object describe(const ModelInfo& model) {
  return {{"id", text(model.id)},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "fulmar"},
          {"meta",
           {{"version", text(model.version)},
            {"strategy", text(model.strategy)},
            {"device", text(model.device)},
            {"layers", model.layers},
            {"channels", model.channels},
            {"vocab", model.vocab},
            {"parameters", model.parameters},
            {"weight_bytes", model.weight_bytes},
            {"state_bytes", model.state_bytes}}}};
}

}  // namespace

void list_models(const Context& context, const http::Request&, const std::shared_ptr<http::Reply>& reply) {
  http::Response response;
  response.body = json::serialize(
      json::object{{"object", "list"}, {"data", json::array{describe(context.ready().model())}}});
  reply->respond(std::move(response));
}

void get_model(const Context& context, const http::Request& request,
               const std::shared_ptr<http::Reply>& reply) {
  const ModelInfo& model = context.ready().model();
  if (request.param != model.id)
    throw Error(ErrorKind::not_found,
                fmt::format("there is no model {}; the one served is {}", request.param, model.id), "model");
  http::Response response;
  response.body = json::serialize(describe(model));
  reply->respond(std::move(response));
}

}  // namespace fulmar::api
