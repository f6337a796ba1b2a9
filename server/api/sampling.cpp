// Sampling parameters, limits and stops, with the ranges that OpenAI documents where it has the field.
#include "api/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace fulmar::api {
namespace {

constexpr int64_t kMaxTokens = 1'000'000;
constexpr size_t kStops = 16, kStopBytes = 1024, kStopTokens = 256, kBiases = 4096;

std::vector<std::string> read_stops(const Fields& fields) {
  std::vector<std::string> stops;
  const json::value* value = fields.find("stop");
  if (!value) return stops;
  if (value->is_string()) {
    stops.push_back(string_of(*value, "stop"));
  } else if (value->is_array()) {
    for (const json::value& one : value->get_array()) {
      if (stops.size() == kStops) bad_field("stop", fmt::format("has more than {} strings", kStops));
      stops.push_back(string_of(one, "stop"));
    }
  } else {
    bad_field("stop", "must be a string or an array of strings");
  }
  for (const std::string& stop : stops)
    if (stop.empty() || stop.size() > kStopBytes)
      bad_field("stop", fmt::format("must have between 1 and {} bytes", kStopBytes));
  return stops;
}

std::vector<std::pair<Token, float>> read_bias(const Fields& fields, uint32_t vocab) {
  std::vector<std::pair<Token, float>> biases;
  const json::object* map = fields.object("logit_bias");
  if (!map) return biases;
  if (map->size() > kBiases) bad_field("logit_bias", fmt::format("has more than {} entries", kBiases));
  for (const auto& [key, value] : *map) {
    Token token = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc{} || end != key.data() + key.size() || token < 0 ||
        static_cast<uint32_t>(token) >= vocab)
      bad_field("logit_bias", fmt::format("has a key that is no token id between 0 and {}", vocab - 1));
    biases.emplace_back(token, static_cast<float>(number_of(value, "logit_bias", -100, 100)));
  }
  return biases;
}

Sampling read_sampling(const Fields& fields, uint32_t vocab) {
  Sampling sampling;
  const auto set = [&fields](float& target, std::string_view field, double least, double most) {
    if (const auto value = fields.number(field, least, most)) target = *value;
  };
  set(sampling.temperature, "temperature", 0, 2);
  set(sampling.top_p, "top_p", 0, 1);
  set(sampling.min_p, "min_p", 0, 1);
  set(sampling.presence_penalty, "presence_penalty", -2, 2);
  set(sampling.frequency_penalty, "frequency_penalty", -2, 2);
  set(sampling.penalty_decay, "penalty_decay", 0, 1);
  // -1 means all in some clients, as 0 does here.
  if (const auto top_k = fields.integer("top_k", -1, std::numeric_limits<int32_t>::max()))
    sampling.top_k = static_cast<int32_t>(std::max<int64_t>(*top_k, 0));
  if (const auto seed =
          fields.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()))
    sampling.seed = static_cast<uint64_t>(*seed);
  sampling.logit_bias = read_bias(fields, vocab);
  return sampling;
}

// What would change the answer but cannot be had is refused rather than ignored.
void refuse_unsupported(const Fields& fields) {
  if (const json::value* value = fields.find("logprobs"); value && !(value->is_bool() && !value->get_bool()))
    unsupported("logprobs", "is not supported");
  if (const json::array* tools = fields.array("tools"); tools && !tools->empty())
    unsupported("tools", "is not supported");
  if (const json::object* format = fields.object("response_format"))
    if (Fields(*format, "response_format.").string("type").value_or("text") != "text")
      unsupported("response_format", "knows only the type text");
}

}  // namespace

void unsupported(std::string_view field, std::string_view problem) {
  throw Error(ErrorKind::unsupported, fmt::format("{} {}", field, problem), std::string(field));
}

Token token_of(const json::value& value, const std::string& name, uint32_t vocab) {
  return static_cast<Token>(integer_of(value, name, 0, int64_t{vocab} - 1));
}

Delivery read_common(const Fields& fields, uint32_t vocab, uint32_t default_tokens, Request& request) {
  refuse_unsupported(fields);
  fields.string("model");  // any name is taken for the one model there is
  fields.string("user");
  request.sampling = read_sampling(fields, vocab);
  request.stop = read_stops(fields);
  request.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  if (const json::array* tokens = fields.array("stop_token_ids")) {
    if (tokens->size() > kStopTokens)
      bad_field("stop_token_ids", fmt::format("has more than {} entries", kStopTokens));
    for (const json::value& token : *tokens)
      request.stop_tokens.push_back(token_of(token, "stop_token_ids", vocab));
  }
  request.max_tokens = default_tokens;
  for (const std::string_view field : {"max_tokens", "max_completion_tokens"})  // the newer name wins
    if (const auto most = fields.integer(field, 1, kMaxTokens))
      request.max_tokens = static_cast<uint32_t>(*most);

  Delivery delivery;
  delivery.choices = static_cast<uint32_t>(fields.integer("n", 1, 128).value_or(1));
  delivery.stream = fields.boolean("stream").value_or(false);
  if (const json::object* options = fields.object("stream_options")) {
    if (!delivery.stream) bad_field("stream_options", "needs stream to be true");
    delivery.include_usage = Fields(*options, "stream_options.").boolean("include_usage").value_or(false);
  }
  return delivery;
}

}  // namespace fulmar::api
