// What stands in `params` is what the body itself might have said.
#include "api/openai/infer_fields.h"

#include <fmt/format.h>

#include "api/openai/openai.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t kInferTokens = 1024, kParamsTokens = 1000;
constexpr double kGate = 1000;  // the largest; docs/infer.md has it

constexpr std::string_view param_names[] = {"user_name",         "assistant_name",   "system_name",       "max_tokens", "temperature", "top_p",
                                            "presence_penalty", "frequency_penalty", "penalty_decay"};

bool is_said(const json::object& body, std::string_view name) {
  const json::value* const value = body.if_contains(name);
  return value && !value->is_null();
}

}  // namespace

InferFields read_infer_fields(const json::object& body, const host::Served& served) {
  InferFields read;
  const Fields fields(body, chat_fields);
  const json::object* const params = fields.map("params");
  if (const json::array* const gates = fields.list("mrss_gatingweight"))
    for (const json::value& gate : *gates)
      read.gates.push_back(static_cast<float>(
          number_or_text_of(gate, fmt::format("mrss_gatingweight[{}]", read.gates.size()), -kGate, kGate)));
  read.present = params || !read.gates.empty();
  if (!params) return read;
  if (!is_said(body, "max_completion_tokens")) read.params["max_tokens"] = int64_t{kParamsTokens};
  for (const std::string_view name : param_names) {
    if (!is_said(*params, name)) continue;
    if (name == "max_tokens" && is_said(body, "max_completion_tokens")) continue;
    if (name == "temperature" && served.usual.temperature) continue;
    if (name == "top_p" && served.usual.top_p) continue;
    const json::value& value = params->at(name);
    if (value.is_structured()) wrong_type(fmt::format("params.{}", name), "a number or a text", value);
    read.params[name] = value;
  }
  return read;
}

uint32_t default_tokens(const InferFields& fields, const host::Served& served, uint32_t otherwise) {
  return served.base.max_tokens.value_or(fields.present ? kInferTokens : otherwise);
}

}  // namespace fulmar::api::openai
