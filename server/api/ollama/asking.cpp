// Names, durations and options; see asking.h.
#include "api/ollama/asking.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "answer/behalf.h"
#include "answer/loading.h"
#include "answer/rfc3339.h"
#include "api/ollama/ollama.h"
#include "base/json_text.h"
#include "host/host.h"

namespace fulmar::api::ollama {
namespace {

constexpr uint32_t kDefaultTokens = 4096;

// Go's durations: "1h30m", "-1m", "300ms", "0"; a number alone is seconds.
std::optional<double> duration_of(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  constexpr Unit units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"h", 3600}, {"m", 60}, {"s", 1}};
  double sign = 1, sum = 0;
  if (text.starts_with('-') || text.starts_with('+')) {
    sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  for (bool first = true; !text.empty(); first = false) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
    if (error != std::errc{} || end != text.data() + digits) return std::nullopt;
    text.remove_prefix(digits);
    if (text.empty() && first) return sign * number;
    const Unit* unit = nullptr;
    for (const Unit& one : units)
      if (!unit && text.starts_with(one.name)) unit = &one;
    if (!unit) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum += number * unit->seconds;
  }
  return sign * sum;
}

// What holds for others too is not for every key.
bool may_manage() {
  const http::Holder* holder = Behalf::holder();
  return !holder || holder->key.name.empty() || holder->key.manages;
}

http::Response ended(std::string_view model, std::string_view members, std::string_view reason) {
  http::Response response;
  response.body = fmt::format(R"({{"model":{},"created_at":"{}",{},"done_reason":"{}","done":true}})", json_quoted(model),
                              rfc3339(std::chrono::system_clock::now()), members, reason);
  return response;
}

}  // namespace

std::string_view model_id(const Call& call) {
  std::string_view name = model_of(call);
  constexpr std::string_view tag = ":latest";
  if (name.ends_with(tag)) name.remove_suffix(tag.size());
  return name;
}

std::string_view model_said(const Call& call, const host::Served& served) {
  const std::string_view name = model_of(call);
  return name.empty() ? std::string_view(served.id) : name;
}

std::optional<double> read_keep_alive(const Fields& fields) {
  const json::value* value = fields.find("keep_alive");
  if (!value) return std::nullopt;
  if (!value->is_string()) return fields.number_or_text("keep_alive");
  const std::string text = string_of(*value, "keep_alive");
  if (text.empty()) return std::nullopt;
  const std::optional<double> seconds = text.size() <= 64 ? duration_of(text) : std::nullopt;
  if (!seconds || !std::isfinite(*seconds)) bad_field("keep_alive", "must be seconds, or a duration as \"5m\" or \"1h30m\"");
  return seconds;
}

void keep_alive(const Context& context, const host::Served& served, std::optional<double> seconds) {
  if (seconds && may_manage()) context.host->keep(served.id, *seconds);
}

void load_or_unload(const Context& context, const Call& call, const Fields& fields, std::string_view members) {
  const std::optional<double> seconds = read_keep_alive(fields);
  if (seconds != 0.0 || !context.host->shelf().is_open()) {  // without a shelf it stays in any case
    const host::ServedPtr served = context.ready(model_id(call));
    keep_alive(context, *served, seconds);
    return call.reply->respond(ended(model_said(call, *served), members, "load"));
  }
  if (!may_manage()) {
    const http::Failure failure(403, "this key may not unload what others use; its operator can let it, with \"manage\": true", "not_allowed");
    return call.reply->respond(http::worded(call.family.wording, failure));
  }
  const std::string id(model_id(call)), name(model_of(call));
  for (const host::Listed& listed : context.host->list())
    if (listed.id == id && !listed.served) return call.reply->respond(ended(name, members, "unload"));
  answer_when_unloaded(context, id, std::nullopt, call,
                       [name, members = std::string(members)] { return ended(name, members, "unload"); });
}

void read_think(const Fields& fields, TemplateOptions& options) {
  const json::value* value = fields.find("think");
  if (!value) return;
  const std::string_view level = value->is_string() ? std::string_view(value->get_string()) : std::string_view();
  const bool is_level = level == "low" || level == "medium" || level == "high" || level == "max";
  if (!value->is_bool() && !is_level) bad_field("think", "must be true, false, low, medium, high or max");
  if (value->is_bool() && !value->get_bool()) {
    options.thinking_budget = 0;
    return;
  }
  options.think = Think::open;
  options.word_if_trained = true;
  if (is_level) options.word = level == "low" ? ThinkWord::a_bit : level == "medium" ? ThinkWord::think : ThinkWord::a_lot;
}

void read_options(const Fields& fields, const Context& context, const Call& call, uint32_t vocab, const Sampling& usual, Request& request) {
  static const json::object none;
  const json::object* given = fields.map("options");
  const Fields options(given ? *given : none, option_fields, "options.");
  read_drawing(options, vocab, usual, request);
  const auto most = options.integer("num_predict");
  request.max_tokens = usual_tokens(context, call, kDefaultTokens);
  if (most) request.max_tokens = static_cast<uint32_t>(*most < 0 ? options.most("num_predict") : *most);
}

}  // namespace fulmar::api::ollama
