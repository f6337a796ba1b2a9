// GET /props: what llama.cpp's clients ask a server for before they send anything. Nothing of it can be changed.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/common_fields.h"
#include "answer/profiles.h"
#include "api/llama/llama.h"
#include "api/llama/samplers.h"
#include "base/json_text.h"

namespace fulmar::api::llama {

constexpr Shape profile_shape{"a sampling profile", R"({
  "name": "text", "temperature": "number", "top_k": "integer", "top_p": "number", "min_p": "number", "presence_penalty": "number",
  "frequency_penalty": "number", "penalty_decay": "number", "penalty_rule": "text", "repetition_penalty": "number"})"};
constexpr Shape props_answer{"llama.cpp's props", R"({
  "default_generation_settings": {"id": "integer", "id_task": "integer", "n_ctx": "integer|null", "speculative": false,
    "is_processing": false, "params": "object", "prompt": "text",
    "next_token": {"has_next_token": true, "has_new_line": false, "n_remain": "integer", "n_decoded": "integer"}},
  "sampling_profiles": {"text": "@a sampling profile", "open": "@a sampling profile", "fake": "@a sampling profile",
    "tools": "@a sampling profile"},
  "total_slots": "integer", "model_path": "text", "chat_template": "text", "modalities": {"vision": false, "audio": false},
  "build_info": "text", "is_sleeping": false})", {&profile_shape}};

void props(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const ModelInfo& model = served->engine->model();
  const SamplingProfile& usual = profile_for(context.profiles, model, Asking::open);
  const float repeats = usual.sampling.repetition_penalty;
  // Without a penalty of its own, what a request's repeat_penalty would look at.
  const int32_t window = repeats == 1 ? kRepeatWindow : usual.sampling.repetition_window;
  const std::string context_tokens = model.trained_context > 0 ? std::to_string(model.trained_context) : "null";
  std::string profiles;
  for (const Asking asking : {Asking::open, Asking::fake, Asking::tools, Asking::text})
    profiles += fmt::format(R"({}"{}":{{{}}})", profiles.empty() ? "" : ",", name_of(asking),
                            profile_members(profile_for(context.profiles, model, asking)));
  json::object others = neutral_settings();
  others["samplers"] = samplers_of(usual_rule(usual.sampling.rule));
  others["stop"] = json::array();
  for (const char* const none : {"n_keep", "n_probs"}) others[none] = 0;
  for (const char* const off : {"ignore_eos", "timings_per_token", "stream"}) others[off] = false;
  const std::string neutral = json::serialize(others);
  http::Response response;
  response.body = fmt::format(
      R"({{"default_generation_settings":{{"id":0,"id_task":-1,"n_ctx":{},"speculative":false,"is_processing":false,)"
      R"("params":{{{},"repeat_penalty":{},"repeat_last_n":{},"n_predict":-1,"max_tokens":-1,"seed":-1,{}}},)"
      R"("prompt":"","next_token":{{"has_next_token":true,"has_new_line":false,"n_remain":-1,"n_decoded":0}}}},)"
      R"("sampling_profiles":{{{}}},"total_slots":{},"model_path":{},"chat_template":{},)"
      R"("modalities":{{"vision":false,"audio":false}},"build_info":{},"is_sleeping":false}})",
      context_tokens, profile_members(usual), repeats, window, std::string_view(neutral).substr(1, neutral.size() - 2), profiles,
      model.slots, json_quoted(model.path), json_quoted(model.chat_template.what), json_quoted(context.build));
  call.reply->respond(std::move(response));
}

constexpr Others props_others{{{{501, "Nothing of it can be changed while the server runs, as its clients know it."}}}};

void refuse_props(const Context&, const Call& call) {
  const http::Failure failure(501, "nothing of GET /props can be changed while the server runs; requests say what they want, and serve's flags what is usual");
  call.reply->respond(http::worded(call.family.wording, failure));
}

}  // namespace fulmar::api::llama
