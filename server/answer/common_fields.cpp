// Sampling parameters, limits and stops.
#include "answer/common_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "fulmar/state_store.h"

namespace fulmar::api {
namespace {

constexpr int64_t kNoLimit = -1, kRandom = -1, kAll = -1;  // what clients of other servers write

std::vector<std::string> read_stops(const Fields& fields) {
  std::vector<std::string> stops;
  const auto add = [&](const json::value& value) {
    if (value.is_null()) return;
    std::string stop = string_of(value, "stop");
    if (stop.size() > kStopBytes)
      bad_field("stop", fmt::format("has a text of more than {} bytes", kStopBytes));
    if (!stop.empty()) stops.push_back(std::move(stop));
  };
  const json::value* value = fields.find("stop");
  if (value && value->is_string()) {
    add(*value);
  } else if (const json::array* list = fields.list("stop")) {
    for (const json::value& one : *list) add(one);
  }
  return stops;
}

// llama.cpp's form: [[token id, bias], ...].
std::vector<std::pair<Token, float>> read_bias_list(const json::array& list, uint32_t vocab) {
  std::vector<std::pair<Token, float>> biases;
  for (const json::value& one : list) {
    const json::array* const pair = one.if_array();
    if (!pair || pair->size() != 2) bad_field("logit_bias", "must be a map, or an array of pairs [token id, number]");
    if ((*pair)[0].is_string()) bad_field("logit_bias", "has a text where a token id belongs; POST /tokenize tells which tokens a text is");
    const Token token = token_of((*pair)[0], "logit_bias", vocab);
    if (const float bias = bias_of((*pair)[1], "logit_bias"); bias != 0) biases.emplace_back(token, bias);
  }
  return biases;
}

std::vector<std::pair<Token, float>> read_bias(const Fields& fields, uint32_t vocab) {
  const json::value* const given = fields.find("logit_bias");
  if (given && given->is_array()) {
    const json::array* const list = fields.list("logit_bias");
    return list ? read_bias_list(*list, vocab) : std::vector<std::pair<Token, float>>();
  }
  return read_bias_map(fields, "logit_bias", vocab);
}

// Clients that let penalties decay are those of the rwkv package and of what grew around it.
PenaltyRule read_rule(const Fields& fields, PenaltyRule otherwise) {
  const auto name = fields.text("penalty_rule");
  if (!name) {
    const bool decays = fields.number("penalty_decay").value_or(1) < 1;
    return otherwise == PenaltyRule::openai && decays ? PenaltyRule::pipeline : otherwise;
  }
  for (const auto& [word, rule] : penalty_rules)
    if (*name == word) return rule;
  bad_field("penalty_rule", "must be openai, pipeline, runner, llama, rapid, ai00 or batch");
}

// transformers and vLLM look at the whole text, llama.cpp and Ollama at its end.
void read_repetition(const Fields& fields, Sampling& sampling) {
  const auto whole = fields.number("repetition_penalty"), end = fields.number("repeat_penalty");
  const auto window = fields.integer("repeat_last_n");
  const auto factor = whole ? whole : end;
  if (factor) sampling.repetition_penalty = *factor == 0 ? 1 : *factor;
  if (sampling.repetition_penalty == 1) return;
  if (factor) sampling.repetition_window = whole ? -1 : kRepeatWindow;
  if (window) sampling.repetition_window = static_cast<int32_t>(*window);
}

Sampling read_sampling(const Fields& fields, uint32_t vocab, const Sampling& otherwise) {
  Sampling sampling = otherwise;
  fields.set("temperature", sampling.temperature);
  fields.set("top_p", sampling.top_p);
  fields.set("min_p", sampling.min_p);
  sampling.rule = read_rule(fields, otherwise.rule);
  fields.set("presence_penalty", sampling.presence_penalty);
  fields.set("frequency_penalty", sampling.frequency_penalty);
  fields.set("penalty_decay", sampling.penalty_decay);
  read_repetition(fields, sampling);
  if (const auto top_k = fields.integer("top_k")) sampling.top_k = *top_k == kAll ? 0 : static_cast<int32_t>(*top_k);
  const int64_t seed = fields.integer("seed").value_or(kRandom);
  if (seed != kRandom) sampling.seed = static_cast<uint64_t>(seed);
  sampling.logit_bias = read_bias(fields, vocab);
  return sampling;
}

uint32_t read_max_tokens(const Fields& fields, uint32_t otherwise) {
  uint32_t most = otherwise;
  for (const std::string_view field : {"max_tokens", "max_completion_tokens"})  // the newer name wins
    if (const auto value = fields.integer(field))
      most = static_cast<uint32_t>(*value == kNoLimit ? fields.most(field) : *value);
  return most;
}

// Goes on from a session, and is kept in it.
void read_session(const Fields& fields, Request& request) {
  const bool by_one = fields.boolean("use_prefix_cache").value_or(true);
  const bool by_other = fields.boolean("cache_prompt").value_or(true);
  request.use_prefix_cache = by_one && by_other;
  const auto id = fields.text("session_id");
  if (!id) return;
  check_session_id(*id, fields.name("session_id"));
  Stream& stream = request.streams.emplace_back();
  stream.from = stream.keep = *id;
}

}  // namespace

bool read_mixed_stops(const Fields& fields, std::string_view field, uint32_t vocab, Request& request) {
  const json::value* given = fields.find(field);
  if (given && given->is_array() && given->get_array().empty()) return true;
  const json::array* list = fields.list(field);
  if (!list) return false;
  const std::string name = fields.name(field);
  for (const json::value& stop : *list) {
    if (stop.is_null()) continue;
    if (!stop.is_string()) {
      const int64_t token = integer_of(stop, name, 0, std::numeric_limits<int32_t>::max());
      if (token < vocab) request.stop_tokens.push_back(static_cast<Token>(token));
    } else if (std::string text = string_of(stop, name); text.size() > kStopBytes) {
      bad_field(name, fmt::format("has a text of more than {} bytes", kStopBytes));
    } else if (!text.empty()) {
      request.stop.push_back(std::move(text));
    }
  }
  return true;
}

float bias_of(const json::value& value, std::string_view field) {
  constexpr float never = -std::numeric_limits<float>::infinity();
  if (value.is_null()) return 0;
  if (value.is_bool() && !value.get_bool()) return never;
  return static_cast<float>(number_of(value, field, -100, 100));
}

std::vector<std::pair<Token, float>> read_bias_map(const Fields& fields, std::string_view field, uint32_t vocab) {
  std::vector<std::pair<Token, float>> biases;
  const json::object* map = fields.map(field);
  if (!map) return biases;
  for (const auto& [key, value] : *map) {
    Token token = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc{} || end != key.data() + key.size() || token < 0 || static_cast<uint32_t>(token) >= vocab)
      bad_field(field, fmt::format("has a key that is no token id between 0 and {}", vocab - 1));
    if (const float bias = bias_of(value, field); bias != 0) biases.emplace_back(token, bias);
  }
  return biases;
}

Token token_of(const json::value& value, const std::string& name, uint32_t vocab) {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  const int64_t token = integer_of(value, name, -most - 1, most, Above::clamped);
  if (token < 0 || token >= int64_t{vocab})
    bad_field(name, fmt::format("has {}, which is no token id between 0 and {}", token, vocab - 1));
  return static_cast<Token>(token);
}

void read_drawing(const Fields& fields, uint32_t vocab, const Sampling& usual, Request& request) {
  fields.refuse_unsupported();
  fields.text("model");
  request.sampling = read_sampling(fields, vocab, usual);
  request.stop = read_stops(fields);
  if (fields.boolean("include_stop_str_in_output").value_or(false))
    request.shown_stops = static_cast<uint32_t>(request.stop.size());
  request.ignore_eos = fields.boolean("ignore_eos").value_or(false);
  if (const json::array* tokens = fields.list("stop_token_ids"))
    for (const json::value& token : *tokens)
      request.stop_tokens.push_back(token_of(token, "stop_token_ids", vocab));
  read_session(fields, request);
}

Delivery read_common(const Fields& fields, uint32_t vocab, const Defaults& defaults, Request& request) {
  read_drawing(fields, vocab, defaults.sampling, request);
  request.max_tokens = read_max_tokens(fields, defaults.max_tokens);
  Delivery delivery;
  delivery.choices = static_cast<uint32_t>(fields.integer("n").value_or(1));
  delivery.stream = fields.boolean("stream").value_or(false);
  if (const json::object* options = fields.map("stream_options")) {
    const Fields inner(*options, stream_option_fields, "stream_options.");
    delivery.include_usage =
        inner.boolean("include_usage").value_or(false);  // without a stream it means nothing
  }
  return delivery;
}

}  // namespace fulmar::api
