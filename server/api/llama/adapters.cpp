// GET and POST /lora-adapters: the adapters that the model was loaded with, and how much each counts.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "answer/body.h"
#include "answer/loading.h"
#include "api/llama/llama.h"
#include "host/host.h"

namespace fulmar::api::llama {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"id", integer, "required", "Which of `GET /lora-adapters`.", 0, 1023},
    {"scale", number, "required", "How much it counts: 0 is not at all, 1 as it was loaded. Adapters that are no LoRA or DoRA take these two.", -1000, 1000},
};

ModelSpec spec_of(const Context& context, const host::Served& served) {
  std::optional<ModelSpec> spec = context.host->spec_of(served.engine->model().id);
  if (!spec) throw Error(ErrorKind::unavailable, "the model's file is not known");
  return *spec;
}

json::value listed(const std::vector<Adapter>& adapters) {
  json::array all;
  for (const Adapter& adapter : adapters)
    all.push_back(json::object{{"id", all.size()}, {"path", api::text(adapter.file)}, {"scale", adapter.scale}});
  return all;
}

}  // namespace

constexpr FieldTable adapter_fields{"lora-adapters", rows, {}};

constexpr Shape adapters_answer{"llama.cpp's adapters", R"([{"id": "integer", "path": "text", "scale": "number"}])"};

void list_adapters(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const auto spec = context.host->spec_of(served->engine->model().id);
  http::Response response;
  response.body = json::serialize(listed(spec ? spec->adapters : std::vector<Adapter>()));
  call.reply->respond(std::move(response));
}

// Those that are not named count not at all.
void scale_adapters(const Context& context, const Call& call) {
  const json::value body = parse_value(call.http.body);
  if (!body.is_array()) throw Error(ErrorKind::bad_request, "the body must be a list of {\"id\": ..., \"scale\": ...}");
  const host::ServedPtr served = context.ready();
  ModelSpec spec = spec_of(context, *served);
  const std::vector<Adapter> before = spec.adapters;
  for (Adapter& adapter : spec.adapters) adapter.scale = 0;
  for (const json::value& one : body.get_array()) {
    if (!one.is_object()) throw Error(ErrorKind::bad_request, "the body must be a list of {\"id\": ..., \"scale\": ...}");
    const Fields fields(one.get_object(), adapter_fields);
    const auto id = fields.integer("id");
    const auto scale = fields.number("scale");
    if (!id) bad_field("id", "is missing");
    if (!scale) bad_field("scale", "is missing");
    if (static_cast<size_t>(*id) >= spec.adapters.size())
      bad_field("id", fmt::format("is {}, and the model was loaded with {} adapters; serve's --adapter names more", *id, spec.adapters.size()));
    spec.adapters[static_cast<size_t>(*id)].scale = *scale;
  }
  const auto done = [] {
    http::Response response;
    response.body = R"({"success":true})";
    return response;
  };
  if (std::ranges::equal(spec.adapters, before, {}, &Adapter::scale, &Adapter::scale)) return call.reply->respond(done());
  answer_when_loaded(context, std::move(spec), {}, call, done, served->base);
}

}  // namespace fulmar::api::llama
