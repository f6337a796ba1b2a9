// POST /api/oai/completions and /api/oai/chat/completions: texts go on, and conversations in the form that the request
// gives them, for ai00 knows no model's own template.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "answer/answer.h"
#include "answer/usual.h"
#include "api/ai00/ai00.h"
#include "api/ai00/words.h"
#include "host/host.h"

namespace fulmar::api::ai00 {
namespace {

constexpr std::string_view no_state = "00000000-0000-0000-0000-000000000000";
constexpr size_t kNameBytes = 64;  // of a speaker; docs/ai00.md has it
constexpr std::string_view white = " \t\r\n";

void read_sampler(const Fields& fields, Sampling& sampling) {
  const json::object* object = nullptr;
  std::string_view field;
  for (const std::string_view name : {"sampler", "sampler_override"})
    if (const json::object* const given = fields.map(name)) object = given, field = name;
  if (!object) return;
  const Fields inner(*object, nucleus_fields, fmt::format("{}.", field));
  const std::string type = inner.text("type").value_or("Nucleus");
  if (type == "Mirostat" || type == "Typical") unsupported(inner.name("type"), fmt::format("may be Nucleus, not {}", type));
  if (type != "Nucleus") bad_field(inner.name("type"), "must be Nucleus");
  const Sampling usual = std::ranges::find(known_profiles(), "ai00", &SamplingProfile::name)->sampling;
  sampling.temperature = inner.number("temperature").value_or(usual.temperature);
  sampling.top_p = inner.number("top_p").value_or(usual.top_p);
  sampling.top_k = static_cast<int32_t>(inner.integer("top_k").value_or(usual.top_k));
  sampling.presence_penalty = inner.number("presence_penalty").value_or(usual.presence_penalty);
  sampling.frequency_penalty = inner.number("frequency_penalty").value_or(usual.frequency_penalty);
  sampling.penalty_decay = inner.number("penalty_decay").value_or(usual.penalty_decay);
  sampling.rule = usual.rule;
}

// A list of texts is one text.
std::string read_joined(const Fields& fields, std::string_view field) {
  const json::value* const value = fields.find(field);
  if (!value) bad_field(field, "is missing");
  if (value->is_string()) return string_of(*value, field);
  if (!value->is_array()) wrong_type(field, "a string or an array of strings", *value);
  std::string text;
  for (const json::value& one : value->get_array()) text += string_of(one, field);
  return text;
}

// A name that the model has for what texts begin from, or a file of tuned states.
StatePtr state_named(const Context& context, const host::Served& served, const std::string& name) {
  for (const host::ServedPtr& one : context.host->names())
    if (one->streams.size() == 1 && (one->id == name || one->id == served.id + " " + name || id_of_state(one->id) == name))
      return one->streams[0].start;
  return context.standing.tuned(context.host->shelf(), *served.engine, name);
}

// An id; or {"id", "name", "path"} of a file.
void begin_from(const Context& context, const Fields& fields, const host::Served& served, Request& request) {
  const json::value* const value = fields.find("state");
  std::string name;
  if (value && value->is_string()) {
    name = string_of(*value, "state");
  } else if (value && value->is_object()) {
    const Fields inner(value->get_object(), state_fields, "state.");
    inner.refuse_unsupported();
    for (const std::string_view field : {"path", "id", "name"})
      if (const auto given = inner.text(field); given && name.empty()) name = *given;
  } else if (value) {
    wrong_type("state", "an id or an object", *value);
  }
  if (name.empty() || name == no_state) return begin_as_served(served, request);
  if (request.streams.empty()) request.streams.emplace_back();
  request.streams[0].start = state_named(context, served, name);
}

Delivery read_request(const Context& context, const Call& call, const host::Served& served, const Fields& fields, Request& request) {
  const Engine& engine = *served.engine;
  const Sampling usual = usual_sampling(context.profiles, served, Asking::text, "ai00");
  const Delivery delivery = read_common(fields, engine.model().vocab, {usual_tokens(context, call, 256), usual}, request);
  read_sampler(fields, request.sampling);
  const auto biases = read_bias_map(fields, "bias", engine.model().vocab);
  request.sampling.logit_bias.insert(request.sampling.logit_bias.end(), biases.begin(), biases.end());
  if (!fields.find("stop")) request.stop = {"\n\n"};
  return delivery;
}

enum Role : size_t { system_role, user_role, assistant_role, tool_role, roles };

struct RoleWord {
  std::string_view word;
  Role role;
};
constexpr RoleWord role_words[] = {
    {"System", system_role},       {"system", system_role},           {"User", user_role},   {"user", user_role},
    {"Assistant", assistant_role}, {"assistant", assistant_role},     {"Observation", tool_role}, {"observation", tool_role},
    {"tool", tool_role},           {"Tool", tool_role}};

Role role_of(std::string_view word, const std::string& field) {
  const auto found = std::ranges::find(role_words, word, &RoleWord::word);
  if (found == std::end(role_words)) bad_field(field, "must be system, user, assistant or observation");
  return found->role;
}

// A pattern with its places filled, each of which it may have once: "{role}: {content}".
std::string filled(std::string_view pattern, const std::string& field, std::initializer_list<std::pair<std::string_view, std::string_view>> places) {
  std::string text;
  for (const auto& [place, by] : places)
    if (const size_t at = pattern.find(place); at != pattern.npos && pattern.find(place, at + 1) != pattern.npos)
      bad_field(field, fmt::format("may have {} once", place));
  while (!pattern.empty()) {
    const auto here = std::ranges::find_if(places, [&](const auto& place) { return pattern.starts_with(place.first); });
    text += here == places.end() ? pattern.substr(0, 1) : here->second;
    pattern.remove_prefix(here == places.end() ? 1 : here->first.size());
  }
  return text;
}

// Without white space around it, and without empty lines.
std::string tidied(std::string_view content) {
  std::string out;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    out += content.substr(begin, end - begin);
    begin = end;
    if (begin == content.size()) break;
    size_t next = begin + 1;  // behind the last of line ends with nothing but white space between them
    for (size_t at = next; at < content.size() && white.find(content[at]) != white.npos; ++at)
      if (content[at] == '\n') next = at + 1;
    out += '\n';
    begin = next;
  }
  out.erase(out.find_last_not_of(white) + 1);
  out.erase(0, std::min(out.find_first_not_of(white), out.size()));
  return out;
}

std::string name_of(const json::value& value) {
  std::string name = string_of(value, "names");
  if (name.size() > kNameBytes) bad_field("names", fmt::format("has a name of more than {} bytes", kNameBytes));
  return name;
}

std::string chat_text(const Fields& fields) {
  std::string names[roles] = {"System", "User", "Assistant", "Observation"};
  if (const json::object* const given = fields.map("names"))
    for (const auto& [key, value] : *given) names[role_of({key.data(), key.size()}, "names")] = name_of(value);
  std::string record = "{role}: {content}", prefix = "{assistant}:", gap = "\n\n";
  if (const json::object* const given = fields.map("template")) {
    const Fields inner(*given, template_fields, "template.");
    record = inner.text("record").value_or(record);
    prefix = inner.text("prefix").value_or(prefix);
    if (const json::value* const sep = inner.find("sep")) gap = string_of(*sep, "template.sep");
  }
  const json::array* const messages = fields.list("messages");
  if (!messages) bad_field("messages", "must have at least one message");
  std::string text;
  for (size_t i = 0; i < messages->size(); ++i) {
    const json::object* const object = (*messages)[i].if_object();
    if (!object) bad_field(fmt::format("messages[{}]", i), "must be an object");
    const Fields message(*object, record_fields, fmt::format("messages[{}].", i));
    const Role role = role_of(message.text("role").value_or(""), message.name("role"));
    const json::value* const content = message.find("content");
    if (!content) bad_field(message.name("content"), "is missing");
    const std::string said = tidied(string_of(*content, message.name("content")));
    text += filled(record, "template.record", {{"{role}", names[role]}, {"{content}", said}}) + gap;
  }
  return text + filled(prefix, "template.prefix", {{"{assistant}", names[assistant_role]}, {"{user}", names[user_role]}});
}

}  // namespace

void completions(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  const Fields fields(call.body, completion_fields);
  Asked asked;
  Request request;
  asked.delivery = read_request(context, call, *served, fields, request);
  PromptInput input;
  input.text = read_joined(fields, "prompt");
  request.prompt = served->engine->prepare(input);
  if (!request.streams.empty()) {
    input.may_be_empty = true;
    request.continued = served->engine->prepare(input);
  }
  begin_from(context, fields, *served, request);
  asked.prompts.push_back(std::move(request));
  auto words = completion_words(asked.delivery, served->id);
  give_answer(context, served, std::move(asked), std::move(words), call);
}

void chat_completions(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  const Fields fields(call.body, chat_fields);
  Asked asked;
  asked.trim = true;
  Request request;
  asked.delivery = read_request(context, call, *served, fields, request);
  PromptInput input;
  input.text = chat_text(fields);
  request.prompt = served->engine->prepare(input);
  begin_from(context, fields, *served, request);
  asked.prompts.push_back(std::move(request));
  auto words = chat_words(asked.delivery, served->id);
  give_answer(context, served, std::move(asked), std::move(words), call);
}

}  // namespace fulmar::api::ai00
