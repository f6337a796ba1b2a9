// GET /v1/models and /v1/models/{id}: the one model that is loaded.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/openai/openai.h"

namespace fulmar::api::openai {
namespace {

// null where nothing was found.
json::value told(const Found& found) {
  if (found.what.empty()) return nullptr;
  return json::object{{"name", text(found.what)}, {"from", text(found.where)}};
}

json::value told(uint32_t tokens) {
  return tokens ? json::value(tokens) : json::value();
}

// What a vector may be for; null where the model has one kind of it.
json::value tasks_of(const ModelInfo& model) {
  if (!model.embeds) return nullptr;
  json::array tasks;
  for (const std::string_view task : embedding_tasks) tasks.emplace_back(task);
  return tasks;
}

json::object describe(const Context& context, const ModelInfo& model) {
  return {{"id", text(model.id)},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "fulmar"},
          {"meta",
           {{"version", text(model.version)},
            {"kind", model.embeds ? "embedding" : "text"},
            {"tasks", tasks_of(model)},
            {"chat_template", told(model.chat_template)},
            {"tokenizer", told(model.tokenizer)},
            {"sampling_profile", told(profile_in_use(context.profiles, model))},
            {"trained_context", told(model.trained_context)},
            {"trained_context_from",
             model.trained_context ? json::value(text(model.trained_context_from)) : nullptr},
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

void list_models(const Context& context, const Call& call) {
  http::Response response;
  response.body = json::serialize(
      json::object{{"object", "list"}, {"data", json::array{describe(context, context.ready().model())}}});
  call.reply->respond(std::move(response));
}

void get_model(const Context& context, const Call& call) {
  const ModelInfo& model = context.ready().model();
  if (call.http.param != model.id)
    throw Error(ErrorKind::not_found,
                fmt::format("there is no model {}; the one served is {}", call.http.param, model.id), "model");
  http::Response response;
  response.body = json::serialize(describe(context, model));
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::openai
