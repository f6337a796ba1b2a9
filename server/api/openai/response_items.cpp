// Messages, calls and their outputs; see response_items.h.
#include "api/openai/response_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/openai/openai.h"
#include "api/openai/response_input.h"
#include "base/json_source.h"

namespace fulmar::api::openai {
namespace {

constexpr std::array<std::string_view, 4> item_roles = {"user", "system", "developer", "assistant"};

struct Parts {
  std::string text;
  json::array kept;
};

json::object kept_part(bool is_output, const std::string& text) {
  if (!is_output) return {{"type", "input_text"}, {"text", api::text(text)}};
  return {{"type", "output_text"}, {"text", api::text(text)}, {"annotations", json::array()}, {"logprobs", json::array()}};
}

// A text, or parts that are put together.
Parts read_parts(const Fields& item, std::string_view field, bool is_output) {
  const json::value* value = item.find(field);
  const std::string name = item.name(field);
  if (!value) bad_field(name, "is missing");
  Parts parts;
  if (value->is_string()) {
    parts.text = string_of(*value, name);
    parts.kept.push_back(kept_part(is_output, parts.text));
    return parts;
  }
  const json::array* const list = item.list(field);
  for (size_t i = 0; list && i < list->size(); ++i) {
    const std::string at = fmt::format("{}[{}]", name, i);
    if (!(*list)[i].is_object()) wrong_type(at, "an object", (*list)[i]);
    const Fields part((*list)[i].get_object(), item_part_fields, at + ".");
    const std::string type = part.text("type").value_or("");
    if (type == "input_image" || type == "input_file" || type == "input_audio")
      unsupported(part.name("type"), fmt::format("is {}: the model reads text only", type));
    if (type != "input_text" && type != "output_text" && type != "text" && type != "refusal")
      bad_field(part.name("type"), "must be input_text, output_text, text or refusal");
    const std::string_view member = type == "refusal" ? "refusal" : "text";
    const json::value* const piece = part.find(member);
    if (!piece) bad_field(part.name(member), "is missing");
    const std::string text = string_of(*piece, part.name(member));
    parts.text += text;
    parts.kept.push_back(kept_part(is_output, text));
  }
  return parts;
}

// Texts of what a thought has in a list, which only clients read.
json::array kept_texts(const json::object& object, std::string_view member, std::string_view type, const std::string& name) {
  json::array kept;
  const json::value* const list = object.if_contains(member);
  if (!list || says_nothing(*list)) return kept;
  if (!list->is_array()) wrong_type(name, "an array", *list);
  for (const json::value& value : list->get_array()) {
    const json::value* const text = value.is_object() ? value.get_object().if_contains("text") : nullptr;
    if (!text || !text->is_string()) bad_field(name, "has an entry without a text");
    kept.push_back({{"type", type}, {"text", *text}});
  }
  return kept;
}

}  // namespace

void ItemReader::say(std::string role, std::string text) {
  messages_.push_back({std::move(role), std::move(text)});
  ids_.emplace_back();
}

void ItemReader::keep(std::string_view kind, const Fields& item, json::object members) {
  const std::string own = item.text("id").value_or("");
  members["id"] = own.empty() ? item_id(kind, id_, fmt::format("i{}", items_.size())) : api::text(own).c_str();
  if (!members.contains("summary")) members["status"] = "completed";
  items_.push_back(std::move(members));
}

void ItemReader::add_text(const std::string& text) {
  const json::object none;
  say("user", text);
  keep("msg", Fields(none, item_fields), {{"type", "message"}, {"role", "user"}, {"content", json::array{kept_part(false, text)}}});
}

void ItemReader::add(const json::value& value, const std::string& name) {
  if (!value.is_object()) wrong_type(name, "an object", value);
  const json::object& object = value.get_object();
  const Fields item(object, item_fields, name + ".");
  const std::string type = item.text("type").value_or("message");
  if (type == "message") return add_message(item);
  if (type == "function_call") return add_call(item);
  if (type == "function_call_output") return add_output(item);
  if (type == "reasoning") return add_reasoning(object, item);
  if (type == "item_reference") return add_referred(item);
  unsupported(item.name("type"), "must be message, function_call, function_call_output, reasoning or item_reference");
}

void ItemReader::add_message(const Fields& item) {
  const std::string role = item.text("role").value_or("");
  if (std::ranges::find(item_roles, role) == item_roles.end()) bad_field(item.name("role"), "must be user, assistant, system or developer");
  Parts parts = read_parts(item, "content", role == "assistant");
  say(role, std::move(parts.text));
  keep("msg", item, {{"type", "message"}, {"role", role}, {"content", std::move(parts.kept)}});
}

// Calls that follow each other, or what the assistant said, are one turn.
void ItemReader::add_call(const Fields& item) {
  const auto called = item.text("name");
  if (!called) bad_field(item.name("name"), "is missing");
  const json::value* const given = item.find("arguments");
  if (given && !given->is_string()) wrong_type(item.name("arguments"), "a JSON object as text", *given);
  std::string arguments = read_call_arguments(given, JsonSource(), item.name("arguments"));
  const std::string id = item.text("call_id").value_or("");
  if (messages_.empty() || messages_.back().role != "assistant") say("assistant", {});
  keep("fc", item, {{"type", "function_call"}, {"call_id", id}, {"name", *called}, {"arguments", api::text(arguments.empty() ? "{}" : arguments)}});
  messages_.back().tool_calls.push_back({*called, std::move(arguments)});
  ids_.back().calls.push_back(id);
}

void ItemReader::add_output(const Fields& item) {
  const json::value* const output = item.find("output");
  Parts parts;
  if (output && !says_nothing(*output)) parts = read_parts(item, "output", false);
  say("tool", parts.text);
  ids_.back().output = item.text("call_id").value_or("");
  json::value kept = output && output->is_array() ? json::value(std::move(parts.kept)) : json::value(api::text(parts.text));
  keep("fc", item, {{"type", "function_call_output"}, {"call_id", ids_.back().output}, {"output", std::move(kept)}});
}

// Earlier thoughts are not read again.
void ItemReader::add_reasoning(const json::object& object, const Fields& item) {
  keep("rs", item, {{"type", "reasoning"},
                    {"summary", kept_texts(object, "summary", "summary_text", item.name("summary"))},
                    {"content", kept_texts(object, "content", "reasoning_text", item.name("content"))}});
}

void ItemReader::add_referred(const Fields& item) {
  const std::string id = item.text("id").value_or("");
  const std::string response = response_of_item(id);
  if (!response.empty() && response != referred_id_) {
    if (++reads_ > kReferred)
      bad_field(item.name("id"), fmt::format("is of one more response than the {} that a request may change to in its references", kReferred));
    referred_ = find_response(sessions_, response);
    referred_id_ = response;
  }
  const json::object* const meant = !response.empty() && referred_ ? referred_->item(id) : nullptr;
  if (!meant) bad_field(item.name("id"), "names no item of a response that is kept");
  add(json::value(*meant), item.name("id"));
}

std::vector<ChatMessage> ItemReader::take_messages(const std::vector<std::string>& called) {
  ChatMessage before{"assistant", {}};
  before.tool_calls.resize(called.size());
  messages_.insert(messages_.begin(), std::move(before));
  ids_.insert(ids_.begin(), TurnIds{called, {}});
  order_outputs(messages_, ids_);
  messages_.erase(messages_.begin());
  return std::move(messages_);
}

}  // namespace fulmar::api::openai
