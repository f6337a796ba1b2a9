// POST /v1/chat/completions: messages through the model's chat template, which the engine applies; and
// /apply-template, which shows what comes of that.
#include <boost/json/serialize.hpp>

#include "answer/answer.h"
#include "answer/body.h"
#include "answer/call_forms.h"
#include "answer/forms.h"
#include "answer/usual.h"
#include "answer/whole.h"
#include "api/openai/account_fields.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/infer_fields.h"
#include "api/openai/openai.h"
#include "api/openai/score_fields.h"
#include "api/openai/words.h"

namespace fulmar::api::openai {
namespace {

constexpr uint32_t default_chat_tokens = 4096;

}  // namespace

void chat_completions(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  Engine& engine = *served->engine;
  const InferFields infer = read_infer_fields(call.body, *served);
  Fields fields(call.body, chat_fields);
  fields.otherwise(infer.params);
  Asked asked;
  Request chat;
  fields.refuse_unsupported();
  check_account_fields(fields);
  const PromptInput input = read_chat_prompt(fields, call.http.body);
  chat.prompt = engine.prepare(input);
  const Sampling usual =
      usual_sampling(context.profiles, *served, what_is_asked(input, *chat.prompt), infer.present ? "infer" : "");
  const uint32_t most = usual_tokens(context, call, default_tokens(infer, *served, default_chat_tokens));
  asked.delivery = read_common(fields, engine.model().vocab, {most, usual}, chat);
  read_llama_fields(fields, asked, chat);
  ScoreForm scores = read_chat_scores(fields, engine, asked, chat);
  if (!chat.streams.empty()) continue_session(engine, input, chat);
  begin_as_served(*served, chat, infer.gates);
  if (chat.stop.empty()) chat.stop = served->base.stops;
  bind_answer(engine, input.chat, read_form(fields, JsonSource(call.http.body)), chat);
  asked.prompts.push_back(std::move(chat));
  const bool is_old = fields.list("functions") != nullptr;
  auto words = chat_words(asked.delivery, *served, is_old ? CallWords::function : CallWords::tools, std::move(scores));
  give_answer(context, served, std::move(asked), std::move(words), call);
}

constexpr Shape template_answer{"a prompt by its template", R"({
  "prompt?": "text", "tokens?": ["integer"], "stop?": ["text"], "chat_template": "text", "from?": "text"})"};

// As llama.cpp has it, with the tokens beside. A GET may have no body.
void apply_template(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  Engine& engine = *served->engine;
  json::object body = call.body;
  if (call.http.method == "GET" && !call.http.body.empty()) body = parse_object(call.http.body);
  json::object answer = {{"chat_template", text(engine.model().chat_template.what)},
                         {"from", text(engine.model().chat_template.where)}};
  if (call.http.method != "GET" || body.contains("messages")) {
    const Fields fields(body, chat_fields);
    fields.refuse_unsupported();
    PromptInput input = read_chat_prompt(fields, call.http.body);
    input.keep_text = true;
    const auto prompt = engine.prepare(input);
    json::array stops;
    for (const std::string& stop : prompt->stops) stops.push_back(text(stop));
    answer = {{"prompt", text(prompt->text)},
              {"tokens", json::array(prompt->tokens.begin(), prompt->tokens.end())},
              {"stop", std::move(stops)},
              {"chat_template", text(prompt->chat_template)}};
  }
  give_whole(context, call, json::serialize(answer));
}

}  // namespace fulmar::api::openai
