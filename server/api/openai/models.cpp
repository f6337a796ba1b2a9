// GET /v1/models and /v1/models/{id}: the models that requests may name.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/json.h"
#include "api/openai/openai.h"
#include "host/host.h"

namespace fulmar::api::openai {
namespace {

constexpr Shape found_shape{"what was found", R"({"name": "text", "from": "text"})"};

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

json::object describe(const Context& context, std::string_view id, const ModelInfo& model) {
  return {{"id", text(id)},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "fulmar"},
          {"status", {{"value", "loaded"}}},
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

json::object describe(const Context& context, const host::Listed& listed) {
  if (listed.served) return describe(context, listed.id, listed.served->engine->model());
  const bool is_loading = listed.presence == host::Presence::loading;
  json::object status = {{"value", is_loading ? "loading" : "unloaded"}};
  if (is_loading) status["loaded"] = listed.loaded;
  if (listed.presence == host::Presence::failed) {
    status["failed"] = true;
    status["error"] = text(listed.trouble);
  }
  return {{"id", text(listed.id)}, {"object", "model"}, {"created", 0}, {"owned_by", "fulmar"}, {"status", std::move(status)}};
}

}  // namespace

constexpr Shape model_answer{"OpenAI's model", R"({
  "id": "text", "object": "=model", "created": "integer", "owned_by": "=fulmar",
  "status": {"value": "=loaded|=loading|=unloaded", "loaded?": "number", "failed?": true, "error?": "text"},
  "meta?": {"version": "text", "kind": "=embedding|=text", "tasks": "list|null", "chat_template": "@what was found|null",
    "tokenizer": "@what was found|null", "sampling_profile": "@what was found|null", "trained_context": "integer|null",
    "trained_context_from": "text|null", "strategy": "text", "device": "text", "layers": "integer", "channels": "integer",
    "vocab": "integer", "parameters": "integer", "weight_bytes": "integer", "state_bytes": "integer"}})", {&found_shape}};
constexpr Shape models_answer{"OpenAI's models", R"({"object": "=list", "data": ["@OpenAI's model"]})", {&model_answer}};

void list_models(const Context& context, const Call& call) {
  if (!context.host->shelf().is_open()) context.ready();  // there is one model, or why there is none
  json::array models;
  for (const host::Listed& listed : context.host->list()) models.push_back(describe(context, listed));
  for (const host::ServedPtr& name : context.host->names()) models.push_back(describe(context, name->id, name->engine->model()));
  http::Response response;
  response.body = json::serialize(json::object{{"object", "list"}, {"data", std::move(models)}});
  call.reply->respond(std::move(response));
}

void get_model(const Context& context, const Call& call) {
  json::object model;
  for (const host::Listed& listed : context.host->list())
    if (listed.id == call.http.param) model = describe(context, listed);
  if (model.empty()) {
    const host::ServedPtr served = context.ready(call.http.param);
    if (served->id != call.http.param)
      throw Error(ErrorKind::not_found,
                  fmt::format("there is no model {}; the one served is {}", call.http.param, served->id), "model");
    model = describe(context, served->id, served->engine->model());
  }
  http::Response response;
  response.body = json::serialize(model);
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::openai
