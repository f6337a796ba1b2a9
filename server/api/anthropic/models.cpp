// GET /v1/models and /v1/models/{id} as Anthropic's clients read them.
#include <fmt/format.h>

#include <algorithm>

#include "answer/rfc3339.h"
#include "api/anthropic/anthropic.h"
#include "base/json_text.h"
#include "host/host.h"

namespace fulmar::api::anthropic {
namespace {

struct Named {
  std::string id;
  int64_t created;  // 0 where it is not loaded
};

std::vector<Named> all_models(const Context& context) {
  if (!context.host->shelf().is_open()) context.ready();  // there is one model, or why there is none
  std::vector<Named> models;
  for (const host::Listed& listed : context.host->list()) models.push_back({listed.id, listed.served ? listed.served->engine->model().created : 0});
  for (const host::ServedPtr& name : context.host->names()) models.push_back({name->id, name->engine->model().created});
  return models;
}

std::string model_json(const Named& model) {
  const std::chrono::system_clock::time_point created{std::chrono::seconds(model.created)};
  return fmt::format(R"({{"type":"model","id":{0},"display_name":{0},"created_at":"{1}","lifecycle":"active"}})", json_quoted(model.id),
                     rfc3339(created));
}

void give(const Call& call, std::string body) {
  http::Response response;
  response.body = std::move(body);
  call.reply->respond(std::move(response));
}

}  // namespace

bool speaks_anthropic(const http::Request& request) {
  return !request.header("anthropic-version").empty();
}

void list_models(const Context& context, const Call& call) {
  const std::vector<Named> models = all_models(context);
  std::string data;
  for (const Named& model : models) data.append(data.empty() ? "" : ",").append(model_json(model));
  const auto id_or_null = [&](size_t i) { return models.empty() ? std::string("null") : json_quoted(models[i].id); };
  give(call, fmt::format(R"({{"data":[{}],"has_more":false,"first_id":{},"last_id":{}}})", data, id_or_null(0), id_or_null(models.size() - 1)));
}

void get_model(const Context& context, const Call& call) {
  const std::vector<Named> models = all_models(context);
  const auto found = std::ranges::find(models, call.http.param, &Named::id);
  if (found == models.end()) throw Error(ErrorKind::not_found, fmt::format("there is no model {}", call.http.param), "model");
  give(call, model_json(*found));
}

}  // namespace fulmar::api::anthropic
