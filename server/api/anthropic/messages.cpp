// POST /v1/messages and /v1/messages/count_tokens: blocks through the model's chat template.
#include <fmt/format.h>

#include "answer/answer.h"
#include "answer/call_forms.h"
#include "answer/forms.h"
#include "answer/usual.h"
#include "api/anthropic/anthropic.h"
#include "api/anthropic/history.h"
#include "api/anthropic/words.h"

namespace fulmar::api::anthropic {
namespace {

std::optional<ConstraintInput> read_output_format(const Fields& fields, std::string_view body) {
  const json::object* config = fields.map("output_config");
  if (!config) return std::nullopt;
  const Fields output(*config, output_fields, "output_config.");
  const json::object* format = output.map("format");
  if (!format) return std::nullopt;
  const Fields inner(*format, format_fields, "output_config.format.");
  if (inner.text("type").value_or("") != "json_schema") bad_field("output_config.format.type", "must be json_schema");
  if (!inner.map("schema")) bad_field("output_config.format.schema", "is missing");
  const JsonSource source = JsonSource(body).member("output_config").member("format").member("schema");
  return read_format(inner.find("schema"), source, "output_config.format.schema");
}

void read_stop_sequences(const Fields& fields, Request& request) {
  const json::array* list = fields.list("stop_sequences");
  if (!list) return;
  for (const json::value& value : *list) {
    std::string stop = string_of(value, "stop_sequences");
    if (stop.empty()) bad_field("stop_sequences", "has an empty text");
    if (stop.size() > kStopBytes) bad_field("stop_sequences", fmt::format("has a text of more than {} bytes", kStopBytes));
    request.stop.push_back(std::move(stop));
  }
}

}  // namespace

void messages(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, request_fields);
  fields.refuse_unsupported();
  const auto most = fields.integer("max_tokens");
  if (!most) bad_field("max_tokens", "is missing");
  const std::string tier = fields.text("service_tier").value_or("auto");
  if (tier != "auto" && tier != "standard_only") bad_field("service_tier", "must be auto or standard_only");
  fields.map("metadata");
  const PromptInput input = read_prompt(fields, call.http.body);
  Request request;
  request.prompt = engine.prepare(input);
  read_drawing(fields, engine.model().vocab, usual_sampling(context.profiles, *served, what_is_asked(input, *request.prompt)), request);
  read_stop_sequences(fields, request);
  request.max_tokens = static_cast<uint32_t>(*most);
  begin_as_served(*served, request);
  auto words = message_words(served->id, request.prompt->tokens.size(), request.stop, omits_thought(fields));
  if (request.stop.empty()) request.stop = served->base.stops;
  bind_answer(engine, input.chat, read_output_format(fields, call.http.body), request);
  Asked asked;
  asked.delivery.stream = fields.boolean("stream").value_or(false);
  asked.prompts.push_back(std::move(request));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

constexpr Shape count_answer{"Anthropic's count of tokens", R"({"input_tokens": "integer"})"};

void count_tokens(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Fields fields(call.body, request_fields);
  fields.refuse_unsupported();
  http::Response response;
  response.body = fmt::format(R"({{"input_tokens":{}}})", served->engine->prepare(read_prompt(fields, call.http.body))->tokens.size());
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api::anthropic
