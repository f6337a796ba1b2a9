// GET /v1/models and /v1/models/{id} as Anthropic's clients read them.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

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

constexpr Field list_rows[] = {
    {"limit", FieldType::integer, "20", "Models at most.", 1, 1000},
    {"after_id", FieldType::text, "none", "Those that follow this one.", 0, 1024},
    {"before_id", FieldType::text, "none", "Those that this one follows.", 0, 1024},
};

using Place = std::vector<Named>::const_iterator;

Place place_of(const std::vector<Named>& models, const Call& call, std::string_view field, Place otherwise) {
  const std::optional<std::string> id = in_query(call, list_query, field);
  if (!id) return otherwise;
  const auto found = std::ranges::find(models, *id, &Named::id);
  if (found == models.end()) bad_field(field, "is no model of the list");
  return field == "after_id" ? found + 1 : found;
}

}  // namespace

constexpr FieldTable list_query{"Anthropic's list of models", list_rows, {}};
constexpr Shape model_answer{"Anthropic's model", R"({
  "type": "=model", "id": "text", "display_name": "text", "created_at": "text", "lifecycle": "=active"})"};
constexpr Shape models_answer{"Anthropic's models", R"({
  "data": ["@Anthropic's model"], "has_more": "boolean", "first_id": "text|null", "last_id": "text|null"})", {&model_answer}};

bool speaks_anthropic(const http::Request& request) {
  return !request.header("anthropic-version").empty();
}

void list_models(const Context& context, const Call& call) {
  const std::vector<Named> models = all_models(context);
  const int64_t limit = integer_in_query(call, list_query, "limit").value_or(20);
  const Place begin = place_of(models, call, "after_id", models.begin());
  const Place end = std::max(begin, place_of(models, call, "before_id", models.end()));
  // Before an id it is the last of those, as a page back has it.
  const bool goes_back = in_query(call, list_query, "before_id") && !in_query(call, list_query, "after_id");
  const auto count = std::min<std::ptrdiff_t>(limit, end - begin);
  const std::span<const Named> page(goes_back ? end - count : begin, static_cast<size_t>(count));
  std::string data;
  for (const Named& model : page) data.append(data.empty() ? "" : ",").append(model_json(model));
  const auto id_or_null = [&](size_t i) { return page.empty() ? std::string("null") : json_quoted(page[i].id); };
  give(call, fmt::format(R"({{"data":[{}],"has_more":{},"first_id":{},"last_id":{}}})", data, count < end - begin, id_or_null(0),
                         id_or_null(page.size() - 1)));
}

void get_model(const Context& context, const Call& call) {
  const std::vector<Named> models = all_models(context);
  const auto found = std::ranges::find(models, call.http.param, &Named::id);
  if (found == models.end()) throw Error(ErrorKind::not_found, fmt::format("there is no model {}", call.http.param), "model");
  give(call, model_json(*found));
}

}  // namespace fulmar::api::anthropic
