// Puts the schemas of tools into the spelling of calls.
#include "answer/call_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json_text.h"

namespace fulmar::api {
namespace {

using enum ConstraintInput::Kind;

constexpr std::string_view mark = "**Tool Call:**";

struct AnswerForm {
  std::optional<ConstraintInput> input;  // none: the answer is free
  bool ends_itself = true;               // else the template's stops end it, as those of free answers
};

ConstraintInput text_of(std::string_view bytes) {
  return {literal, std::string(bytes)};
}

// How much of the schemas there is room for.
enum class Room : uint8_t { all, in_order, strict };

// An object whatever the schema says. Of a tool without parameters it has no members; of one that is not bound, or need not
// be by a schema that cannot be kept to, any.
ConstraintInput arguments_of(const Tool& tool, bool bound, Room room) {
  if (!bound || (room == Room::strict && !tool.strict)) return {json_object, {}};
  ConstraintInput input{json_object, tool.parameters, {}, tool.field};
  if (tool.parameters.empty()) input.text = R"({"type":"object","properties":{},"additionalProperties":false})";
  input.lenient = !tool.strict;
  input.in_order = tool.strict || room != Room::all;
  return input;
}

// What follows a mark.
ConstraintInput body_of(const TemplateOptions& options, Room room) {
  ConstraintInput tools{any_of, {}};
  for (const Tool& tool : options.tools) {
    if (!options.called_tool.empty() && options.called_tool != tool.name) continue;
    tools.parts.push_back({sequence, {}, {text_of(fmt::format(R"({{"name": {}, "arguments": )", json_quoted(tool.name))),
                                          arguments_of(tool, options.must_call || tool.strict, room), text_of("}")}});
  }
  return {sequence, {}, {text_of("\n```json\n"), std::move(tools), text_of("\n```")}};
}

// Behind a mark, which each of the calls has that follow the first.
ConstraintInput calls_of(const TemplateOptions& options, Room room) {
  ConstraintInput body = body_of(options, room);
  if (!options.parallel_calls || !options.called_tool.empty()) return body;
  ConstraintInput several{repeated, fmt::format("\n{}", mark), {std::move(body)}};
  several.most = most_calls;
  return several;
}

ConstraintInput calls_alone(const TemplateOptions& options, Room room) {
  return {sequence, {}, {text_of(mark), calls_of(options, room)}};
}

AnswerForm answer_form(const TemplateOptions& options, std::optional<ConstraintInput> form, Room room) {
  if (options.tools.empty()) return {std::move(form)};
  if (options.must_call) {
    if (form)
      throw Error(ErrorKind::bad_request,
                  fmt::format("{} says what an answer is that calls no tool, and this one has to call one; leave it out, or let the "
                              "model choose (tool_choice auto)", form->field),
                  form->field);
    return {calls_alone(options, room)};
  }
  if (form) return {ConstraintInput{any_of, {}, {*std::move(form), calls_alone(options, room)}}};
  if (!options.binds_calls()) return {};
  return {ConstraintInput{text_before, std::string(mark), {calls_of(options, room)}}, false};
}

bool binds_arguments(const TemplateOptions& options) {
  return !options.tools.empty() && (options.must_call || std::ranges::any_of(options.tools, &Tool::strict));
}

// Where schemas are too much together, their members come in order, and then those hold that are strict.
AnswerForm constrain(const Engine& engine, const TemplateOptions& options, const std::optional<ConstraintInput>& form, Request& request) {
  for (const Room room : {Room::all, Room::in_order, Room::strict}) {
    AnswerForm wanted = answer_form(options, form, room);
    try {
      if (wanted.input) request.constraint = engine.constrain(*wanted.input);
      return wanted;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_request || !binds_arguments(options) || room == Room::strict) throw;
    }
  }
  return {};
}

}  // namespace

void bind_answer(const Engine& engine, const TemplateOptions& options, std::optional<ConstraintInput> form, Request& request) {
  const AnswerForm wanted = constrain(engine, options, form, request);
  if (!wanted.input) return;
  if (wanted.ends_itself || request.ignore_eos) return;
  const std::vector<std::string>& stops = request.prompt->stops;
  request.stop.insert(request.stop.end(), stops.begin(), stops.end());
}

}  // namespace fulmar::api
