// Sampling by the rule of Rapid-Sampling, stops of both kinds, and how the answer travels.
#include "api/lightning/native_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "answer/answer.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

constexpr int64_t kRandom = -1, kAll = -1;

Sampling read_sampling(const Fields& fields, const Sampling& otherwise) {
  Sampling sampling = otherwise;
  fields.set("temperature", sampling.temperature);
  fields.set("top_p", sampling.top_p);
  fields.set("alpha_presence", sampling.presence_penalty);
  fields.set("alpha_frequency", sampling.frequency_penalty);
  fields.set("alpha_decay", sampling.penalty_decay);
  if (const auto top_k = fields.integer("top_k")) sampling.top_k = *top_k == kAll ? 0 : static_cast<int32_t>(*top_k);
  const int64_t seed = fields.integer("seed").value_or(kRandom);
  if (seed != kRandom) sampling.seed = static_cast<uint64_t>(seed);
  return sampling;
}

// Those that the World vocabulary has for an empty line and for the user's name; in others they are something else.
void add_usual_stops(const Engine& engine, Request& request) {
  constexpr std::pair<Token, std::string_view> usual[] = {{261, "\n\n"}, {24281, "User"}};
  for (const auto& [token, text] : usual)
    if (static_cast<uint32_t>(token) < engine.model().vocab && engine.text_of({&token, 1}) == text)
      request.stop_tokens.push_back(token);
}

}  // namespace

NativeDefaults first_defaults(const Context& context) {
  return defaults_of(context, std::ranges::find(known_profiles(), "lightning", &SamplingProfile::name)->sampling, 50, 4);
}

NativeDefaults defaults_of(const Context& context, const Sampling& sampling, uint32_t max_tokens, uint32_t chunk) {
  NativeDefaults defaults{context.profiles.fixed ? context.profiles.fixed->sampling : sampling, max_tokens, chunk};
  defaults.sampling.rule = sampling.rule;
  return defaults;
}

Native read_native(const Fields& fields, const Context& context, const Engine& engine) {
  return read_native(fields, context, engine, first_defaults(context));
}

Native read_native(const Fields& fields, const Context&, const Engine& engine, const NativeDefaults& defaults) {
  Native native;
  native.model = fields.text("model").value_or("rwkv7");
  native.contents = read_texts(fields, "contents");
  Request& request = native.request;
  request.sampling = read_sampling(fields, defaults.sampling);
  request.max_tokens = static_cast<uint32_t>(fields.integer("max_tokens").value_or(defaults.max_tokens));
  request.use_prefix_cache = fields.boolean("use_prefix_cache").value_or(true);
  if (!read_mixed_stops(fields, "stop_tokens", engine.model().vocab, request)) add_usual_stops(engine, request);
  native.delivery.stream = fields.boolean("stream").value_or(false);
  native.delivery.chunk = static_cast<uint32_t>(fields.integer("chunk_size").value_or(defaults.chunk));
  return native;
}

std::vector<std::string> read_texts(const Fields& fields, std::string_view field) {
  std::vector<std::string> texts;
  if (const json::array* list = fields.list(field))
    for (const json::value& text : *list) texts.push_back(string_of(text, field));
  return texts;
}

std::vector<ChatMessage> read_messages(const Fields& fields) {
  std::vector<ChatMessage> messages;
  const json::array* list = fields.list("messages");
  for (size_t i = 0; list && i < list->size(); ++i) {
    const json::object* object = (*list)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, message_fields, fmt::format("messages[{}].", i));
    const json::value* content = message.find("content");
    messages.push_back({message.text("role").value_or(""), content ? string_of(*content, message.name("content")) : ""});
  }
  return messages;
}

constexpr Shape size_shape{"a batch that is too large", R"({"error": "text", "request_bsz": "integer", "max_bsz": "integer"})"};
constexpr Others batch_others{{{{400, "The request is wrong, or has too many texts; the sentence says where.", &size_shape}}}};

bool is_refused_for_size(const Call& call, std::string_view field) {
  const json::value* value = call.body.if_contains(field);
  const size_t texts = value && value->is_array() ? value->get_array().size() : 0;
  if (texts <= kChoices) return false;
  http::Response response;
  response.status = 400;
  response.body = fmt::format(R"({{"error":"bsz overflow, Max bsz={0}","request_bsz":{1},"max_bsz":{0}}})", kChoices, texts);
  call.reply->respond(std::move(response));
  return true;
}

}  // namespace fulmar::api::lightning
