// The endpoints that take raw texts as `contents`: /v1/chat/completions and /v2's, /v1/batch/completions, /big_batch.
#include "api/lightning/batch.h"

#include <utility>

#include "answer/answer.h"
#include "answer/usual.h"
#include "api/lightning/lightning.h"

namespace fulmar::api::lightning {
namespace {

// With token 0 in front, where that is not all there is already.
void pad(const Engine& engine, std::vector<PromptInput>& prompts) {
  for (PromptInput& input : prompts) {
    const auto prompt = engine.prepare(input);
    if (prompt->tokens == std::vector<Token>{0}) continue;
    input = {};
    input.tokens.push_back(0);
    input.tokens.insert(input.tokens.end(), prompt->tokens.begin(), prompt->tokens.end());
  }
}

}  // namespace

std::vector<PromptInput> as_prompts(const std::vector<std::string>& texts) {
  std::vector<PromptInput> prompts;
  for (const std::string& text : texts) prompts.emplace_back().text = text;
  return prompts;
}

void give_batch(const Context& context, const host::ServedPtr& served, Native native, const std::vector<PromptInput>& prompts,
                NativeHead head, const Call& call) {
  if (prompts.empty()) throw Error(ErrorKind::bad_request, "Empty prompts list", "contents");
  Asked asked;
  asked.delivery = native.delivery;
  asked.id = head.request_id = context.running.next_id();
  for (const PromptInput& input : prompts) {
    Request& request = asked.prompts.emplace_back(native.request);
    request.prompt = served->engine->prepare(input);
    begin_as_served(*served, request);
    if (native.request.sampling.seed) request.sampling.seed = *native.request.sampling.seed + asked.prompts.size() - 1;
  }
  head.model = std::move(native.model);
  give_answer(context, served, std::move(asked), native_words(std::move(head)), call);
}

bool has_contents(const json::object& body) {
  const json::value* contents = body.if_contains("contents");
  return contents && !contents->is_null();
}

void batch_chat(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "contents")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  Native native = read_native(Fields(call.body, native_fields), context, engine);
  const auto prompts = as_prompts(native.contents);
  give_batch(context, served, std::move(native), prompts, {"rwkv7-batch", {}}, call);
}

void padded_chat(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "contents")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, padded_fields);
  NativeDefaults defaults = first_defaults(context);
  defaults.sampling.rule = PenaltyRule::batch;
  Native native = read_native(fields, context, engine, defaults);
  auto prompts = as_prompts(native.contents);
  if (fields.boolean("pad_zero").value_or(true)) pad(engine, prompts);
  give_batch(context, served, std::move(native), prompts, {"rwkv7-batch", {}}, call);
}

void batch_completions(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "contents")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  Sampling usual;
  usual.rule = PenaltyRule::rapid;
  usual.top_p = 0.3f;
  usual.top_k = 20;
  usual.presence_penalty = 2;
  usual.frequency_penalty = 0.2f;
  usual.penalty_decay = 0.996f;
  Native native =
      read_native(Fields(call.body, fast_fields), context, engine, defaults_of(context, usual, 8192, 8));
  const auto prompts = as_prompts(native.contents);
  give_batch(context, served, std::move(native), prompts, {"rwkv7-fast-batch", {}}, call);
}

void big_batch(const Context& context, const Call& call) {
  if (is_refused_for_size(call, "contents")) return;
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  Engine& engine = *served->engine;
  Native native = read_native(Fields(call.body, big_batch_fields), context, engine, {{}, 512, 32});
  // All tokens have their chance, whatever the other fields say.
  Sampling plain;
  plain.temperature = native.request.sampling.temperature;
  plain.seed = native.request.sampling.seed;
  native.request.sampling = plain;
  native.delivery.stream = true;
  const auto prompts = as_prompts(native.contents);
  give_batch(context, served, std::move(native), prompts, {"rwkv7-batch", {}}, call);
}

}  // namespace fulmar::api::lightning
