// Puts the schemas of tools into the spelling of calls.
#include "answer/call_forms.h"

#include <fmt/format.h>

#include <utility>

#include "base/json_text.h"

namespace fulmar::api {
namespace {

using enum ConstraintInput::Kind;

constexpr std::string_view mark = "**Tool Call:**";

ConstraintInput text_of(std::string_view bytes) {
  return {literal, std::string(bytes)};
}

// Of a tool without parameters none; of one that is not bound, or need not be by a schema that cannot be kept to, any.
ConstraintInput arguments_of(const Tool& tool, bool bound) {
  if (!bound) return {json_object, {}};
  ConstraintInput input{json_schema, tool.parameters, {}, tool.field};
  if (tool.parameters.empty()) input.text = R"({"type":"object","properties":{},"additionalProperties":false})";
  input.lenient = !tool.strict;
  input.in_order = tool.strict;
  return input;
}

// What follows a mark.
ConstraintInput body_of(const TemplateOptions& options) {
  ConstraintInput tools{any_of, {}};
  for (const Tool& tool : options.tools) {
    if (!options.called_tool.empty() && options.called_tool != tool.name) continue;
    tools.parts.push_back({sequence, {}, {text_of(fmt::format(R"({{"name": {}, "arguments": )", json_quoted(tool.name))),
                                          arguments_of(tool, options.must_call || tool.strict), text_of("}")}});
  }
  return {sequence, {}, {text_of("\n```json\n"), std::move(tools), text_of("\n```")}};
}

// Behind a mark, which each of the calls has that follow the first.
ConstraintInput calls_of(const TemplateOptions& options) {
  ConstraintInput body = body_of(options);
  if (!options.parallel_calls || !options.called_tool.empty()) return body;
  ConstraintInput several{repeated, fmt::format("\n{}", mark), {std::move(body)}};
  several.most = most_calls;
  return several;
}

ConstraintInput calls_alone(const TemplateOptions& options) {
  return {sequence, {}, {text_of(mark), calls_of(options)}};
}

}  // namespace

AnswerForm answer_form(const TemplateOptions& options, std::optional<ConstraintInput> form) {
  if (options.tools.empty()) return {std::move(form)};
  if (options.must_call) return {calls_alone(options)};
  if (form) return {ConstraintInput{any_of, {}, {*std::move(form), calls_alone(options)}}};
  if (!options.binds_calls()) return {};
  return {ConstraintInput{text_before, std::string(mark), {calls_of(options)}}, false};
}

void bind_answer(const Engine& engine, const TemplateOptions& options, std::optional<ConstraintInput> form, Request& request) {
  const AnswerForm wanted = answer_form(options, std::move(form));
  if (!wanted.input) return;
  request.constraint = engine.constrain(*wanted.input);
  if (wanted.ends_itself || request.ignore_eos) return;
  const std::vector<std::string>& stops = request.prompt->stops;
  request.stop.insert(request.stop.end(), stops.begin(), stops.end());
}

}  // namespace fulmar::api
