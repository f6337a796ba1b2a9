// GET /props: what llama.cpp's clients ask a server for before they send anything.
#include <fmt/format.h>

#include "answer/common_fields.h"
#include "answer/profiles.h"
#include "api/routes.h"
#include "base/json_text.h"

namespace fulmar::api {

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
  http::Response response;
  response.body = fmt::format(
      R"({{"default_generation_settings":{{"n_ctx":{},"params":{{{},"repeat_penalty":{},"repeat_last_n":{},)"
      R"("n_predict":-1,"seed":-1}}}},"sampling_profiles":{{{}}},"total_slots":{},"model_path":{},"chat_template":{},)"
      R"("modalities":{{"vision":false,"audio":false}},"build_info":{}}})",
      context_tokens, profile_members(usual), repeats, window, profiles, model.slots, json_quoted(model.path),
      json_quoted(model.chat_template.what), json_quoted(context.build));
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
