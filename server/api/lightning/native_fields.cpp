// Sampling by the rule of Rapid-Sampling, stops of both kinds, and how the answer travels.
#include "api/lightning/native_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace fulmar::api::lightning {
namespace {

constexpr int64_t kRandom = -1, kAll = -1;
constexpr uint32_t kDefaultTokens = 50, kDefaultChunk = 4;

// The numbers of rwkv_lightning as first published, unless the server was started with others for all requests.
Sampling usual_sampling(const Context& context) {
  if (context.profiles.fixed) return context.profiles.fixed->sampling;
  return std::ranges::find(known_profiles(), "lightning", &SamplingProfile::name)->sampling;
}

Sampling read_sampling(const Fields& fields, const Sampling& otherwise) {
  Sampling sampling = otherwise;
  sampling.rule = PenaltyRule::rapid;
  const auto set = [&fields](float& target, std::string_view field) {
    if (const auto value = fields.number(field)) target = *value;
  };
  set(sampling.temperature, "temperature");
  set(sampling.top_p, "top_p");
  set(sampling.presence_penalty, "alpha_presence");
  set(sampling.frequency_penalty, "alpha_frequency");
  set(sampling.penalty_decay, "alpha_decay");
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

void read_stops(const Fields& fields, const Engine& engine, Request& request) {
  const json::value* given = fields.find("stop_tokens");
  const bool is_empty_list = given && given->is_array() && given->get_array().empty();
  const json::array* list = fields.list("stop_tokens");
  if (!list && !is_empty_list) return add_usual_stops(engine, request);
  if (!list) return;
  for (const json::value& stop : *list) {
    if (stop.is_null()) continue;
    if (stop.is_string()) {
      std::string text = string_of(stop, "stop_tokens");
      if (text.size() > kStopBytes)
        bad_field("stop_tokens", fmt::format("has a text of more than {} bytes", kStopBytes));
      if (!text.empty()) request.stop.push_back(std::move(text));
      continue;
    }
    // Clients send the ids of the World vocabulary to whatever model there is; what it has not, it cannot draw.
    const int64_t token = integer_of(stop, "stop_tokens", 0, std::numeric_limits<int32_t>::max());
    if (token < engine.model().vocab) request.stop_tokens.push_back(static_cast<Token>(token));
  }
}

}  // namespace

Native read_native(const Fields& fields, const Context& context, const Engine& engine) {
  Native native;
  native.model = fields.text("model").value_or("rwkv7");
  if (const json::array* contents = fields.list("contents"))
    for (const json::value& text : *contents) native.contents.push_back(string_of(text, "contents"));
  native.request.sampling = read_sampling(fields, usual_sampling(context));
  native.request.max_tokens = static_cast<uint32_t>(fields.integer("max_tokens").value_or(kDefaultTokens));
  native.request.use_prefix_cache = fields.boolean("use_prefix_cache").value_or(true);
  read_stops(fields, engine, native.request);
  native.delivery.stream = fields.boolean("stream").value_or(false);
  native.delivery.chunk = static_cast<uint32_t>(fields.integer("chunk_size").value_or(kDefaultChunk));
  return native;
}

}  // namespace fulmar::api::lightning
