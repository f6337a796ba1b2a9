// POST /completion and /infill: prompts in text, in tokens or mixed, and what llama.cpp's clients say about drawing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answer/answer.h"
#include "answer/forms.h"
#include "answer/middle.h"
#include "answer/usual.h"
#include "api/llama/llama.h"
#include "api/llama/samplers.h"
#include "api/llama/words.h"

namespace fulmar::api::llama {
namespace {

constexpr uint32_t kNoLimit = 1'000'000;  // n_predict -1; docs/llama.md has it

void append(PromptInput& input, const json::value& part, const Engine& engine) {
  if (part.is_string()) {
    PromptInput text;
    text.text = string_of(part, "prompt");
    text.may_be_empty = true;
    const auto tokens = engine.prepare(text);
    input.tokens.insert(input.tokens.end(), tokens->tokens.begin(), tokens->tokens.end());
  } else {
    input.tokens.push_back(token_of(part, "prompt", engine.model().vocab));
  }
}

// "text", [1, "text", 2], {"prompt_string": "text"}.
PromptInput read_prompt(const json::value& value, const Engine& engine) {
  PromptInput input;
  if (value.is_string()) {
    input.text = string_of(value, "prompt");
  } else if (const json::array* const parts = value.if_array()) {
    if (parts->empty()) bad_field("prompt", "is an empty list: a prompt in tokens has one at least");
    for (const json::value& part : *parts) append(input, part, engine);
  } else if (const json::object* const object = value.if_object()) {
    const Fields fields(*object, prompt_object_fields, "prompt.");
    fields.refuse_unsupported();
    const json::value* const string = fields.find("prompt_string");
    if (!string) bad_field("prompt.prompt_string", "is missing");
    input.text = string_of(*string, "prompt.prompt_string");
  } else {
    bad_field("prompt", "must be a string, an array of strings and token ids, or an array of such prompts");
  }
  return input;
}

// A list that has a number is one prompt, in tokens and texts; else each entry is one.
std::vector<PromptInput> read_prompts(const Fields& fields, const Engine& engine) {
  const json::value* const value = fields.find("prompt");
  if (!value) bad_field("prompt", "is missing");
  const json::array* const list = value->if_array();
  if (!list || std::ranges::any_of(*list, [](const json::value& one) { return one.is_number(); })) return {read_prompt(*value, engine)};
  if (list->empty()) bad_field("prompt", "is an empty list");
  fields.list("prompt");  // has not too many entries
  std::vector<PromptInput> inputs;
  for (const json::value& one : *list) inputs.push_back(read_prompt(one, engine));
  return inputs;
}

// What the slot remembers is its session: where the prompt begins with that text, only the rest is read.
void use_slot(Engine& engine, int64_t slot, const PromptInput& input, Request& request) {
  const std::string id = session_of(static_cast<uint32_t>(slot));
  Stream& stream = request.streams.emplace_back();
  stream.keep = id;
  stream.replace = true;
  if (!engine.sessions().entry(id)) return;
  const Transcript kept = engine.sessions().transcript(id);
  const std::vector<Token>& tokens = request.prompt->tokens;
  const bool begins_so = kept.unknown == 0 && kept.tokens.size() < tokens.size() &&
                         std::equal(kept.tokens.begin(), kept.tokens.end(), tokens.begin());
  if (!begins_so) return;
  PromptInput rest = input;
  rest.text.clear();
  rest.tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(kept.tokens.size()), tokens.end());
  request.continued = engine.prepare(rest);
  stream.from = id;
  stream.replace = false;
}

std::vector<std::string> read_names(const Fields& fields, std::string_view field) {
  std::vector<std::string> names;
  if (const json::array* const list = fields.list(field))
    for (const json::value& name : *list) names.push_back(string_of(name, field));
  return names;
}

json::array stops_of(const Request& request) {
  json::array stops;
  for (const std::string& stop : request.stop) stops.push_back(text(stop));
  return stops;
}

json::array biases_of(const Sampling& sampling) {
  json::array biases;
  for (const auto& [token, bias] : sampling.logit_bias)  // -infinity is no number of JSON's
    biases.push_back(json::object{{"token", token}, {"bias", std::isfinite(bias) ? json::value(bias) : json::value(false)}});
  return biases;
}

// What the answer was made with, whoever said so.
json::object settings_of(const Fields& fields, const Request& request, const Delivery& delivery) {
  const Sampling& sampling = request.sampling;
  json::object settings = neutral_settings();
  settings["seed"] = sampling.seed ? json::value(*sampling.seed) : json::value(-1);
  settings["temperature"] = sampling.temperature;
  settings["top_k"] = sampling.top_k;
  settings["top_p"] = sampling.top_p;
  settings["min_p"] = sampling.min_p;
  settings["repeat_last_n"] = sampling.repetition_window;
  settings["repeat_penalty"] = sampling.repetition_penalty;
  settings["presence_penalty"] = sampling.presence_penalty;
  settings["frequency_penalty"] = sampling.frequency_penalty;
  settings["penalty_decay"] = sampling.penalty_decay;
  settings["samplers"] = samplers_of(sampling.rule);
  settings["stop"] = stops_of(request);
  settings["max_tokens"] = request.max_tokens;
  settings["n_predict"] = request.max_tokens;
  settings["n_keep"] = fields.integer("n_keep").value_or(0);
  settings["ignore_eos"] = request.ignore_eos;
  settings["stream"] = delivery.stream;
  settings["logit_bias"] = biases_of(sampling);
  settings["n_probs"] = request.report.logprobs.value_or(0);
  settings["timings_per_token"] = fields.boolean("timings_per_token").value_or(false);
  return settings;
}

void complete(const Context& context, const Call& call, const host::ServedPtr& served, const Fields& fields,
              std::vector<PromptInput> inputs) {
  Engine& engine = *served->engine;
  const ModelInfo& model = engine.model();
  Request common;
  Asked asked;
  Sampling usual = usual_sampling(context.profiles, *served, Asking::text);
  usual.rule = usual_rule(usual.rule);
  asked.delivery = read_common(fields, model.vocab, {usual_tokens(context, call, kNoLimit), usual}, common);
  bind_answer(fields, call.http.body, engine, common);
  if (const auto count = fields.integer("n_predict"))
    common.max_tokens = *count < 0 ? kNoLimit : static_cast<uint32_t>(*count);
  if (const auto count = fields.integer("n_cmpl")) asked.delivery.choices = static_cast<uint32_t>(*count);
  read_samplers(fields, common.sampling);
  if (const auto top = fields.integer("n_probs").value_or(0); top > 0) common.report.logprobs = static_cast<uint16_t>(top);
  asked.tells_progress = common.report.progress = asked.delivery.stream && fields.boolean("return_progress").value_or(false);

  CompletionHead head;
  head.slot = fields.integer("id_slot").value_or(-1);
  if (head.slot >= int64_t{model.slots})
    bad_field("id_slot", fmt::format("is no slot; they have the numbers 0 to {}", model.slots - 1));
  const bool is_kept = head.slot >= 0 || !common.streams.empty();
  if (is_kept && (inputs.size() > 1 || asked.delivery.choices > 1))
    bad_field(head.slot >= 0 ? "id_slot" : "session_id", "goes on with one prompt and one answer");
  if (head.slot >= 0 && !common.streams.empty()) bad_field("id_slot", "names another session than session_id: give one of them");
  for (PromptInput& input : inputs) {
    input.keep_text = true;
    Request& request = asked.prompts.emplace_back(common);
    request.prompt = engine.prepare(input);
    head.totals.push_back(request.prompt->tokens.size());
    if (head.slot >= 0) {
      use_slot(engine, head.slot, input, request);
    } else if (!common.streams.empty()) {
      input.may_be_empty = true;
      request.continued = engine.prepare(input);
    }
    begin_as_served(*served, request);
  }
  head.spell = engine.speller();
  head.model = served->id;
  head.stops = common.stop;
  head.choices = asked.delivery.choices;
  head.settings = settings_of(fields, common, asked.delivery);
  head.fields = read_names(fields, "response_fields");
  head.tokens = fields.boolean("return_tokens").value_or(false);
  head.timings_per_token = fields.boolean("timings_per_token").value_or(false);
  asked.tells_tokens = head.tokens || asked.delivery.stream;
  asked.tells_prompt = true;
  give_answer(context, served, std::move(asked), completion_words(std::move(head)), call);
}

// Files that the gap's own may look into, as llama.cpp puts them before it for models that know no better.
std::string read_extra(const Fields& fields) {
  std::string extra;
  const json::array* const list = fields.list("input_extra");
  if (!list) return extra;
  for (const json::value& one : *list) {
    if (!one.is_object()) bad_field("input_extra", "must be an array of {\"filename\": ..., \"text\": ...}");
    const Fields file(one.get_object(), extra_fields, "input_extra.");
    extra += fmt::format("{}\n{}\n", file.text("filename").value_or(""), file.text("text").value_or(""));
  }
  return extra;
}

}  // namespace

bool is_completion(const Context&, const json::object& body) {
  return body.contains("n_predict") && body.contains("prompt");
}

void completion(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Fields fields(call.body, completion_fields);
  fields.refuse_unsupported();
  complete(context, call, served, fields, read_prompts(fields, *served->engine));
}

void infill(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Fields fields(call.body, infill_fields);
  fields.refuse_unsupported();
  for (const std::string_view field : {"input_prefix", "input_suffix"})
    if (!fields.find(field)) bad_field(field, "is missing");
  PromptInput input;
  const json::value* const begun = fields.find("prompt");
  input.text = read_extra(fields) + fill_in_the_middle(fields.text("input_prefix").value_or(""), fields.text("input_suffix").value_or("")) +
               (begun ? string_of(*begun, "prompt") : std::string());
  complete(context, call, served, fields, {std::move(input)});
}

}  // namespace fulmar::api::llama
