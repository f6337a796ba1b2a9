// GET /props: what llama.cpp's clients ask a server for before they send anything.
#include <boost/json/serialize.hpp>

#include "answer/profiles.h"
#include "api/routes.h"

namespace fulmar::api {

void props(const Context& context, const Call& call) {
  const ModelInfo& model = context.ready().model();
  const SamplingProfile& usual = profile_for(context.profiles, model, Asking::open);
  json::object params = profile_json(usual);
  params["repeat_penalty"] = usual.sampling.repetition_penalty;
  params["repeat_last_n"] = usual.sampling.repetition_window;
  params["n_predict"] = params["seed"] = -1;
  json::object profiles;
  for (const Asking asking : {Asking::open, Asking::fake, Asking::tools, Asking::text})
    profiles[name_of(asking)] = profile_json(profile_for(context.profiles, model, asking));
  http::Response response;
  response.body = json::serialize(
      json::object{{"default_generation_settings", {{"n_ctx", model.trained_context}, {"params", std::move(params)}}},
                   {"sampling_profiles", std::move(profiles)},
                   {"total_slots", model.slots},
                   {"model_path", text(model.path)},
                   {"chat_template", text(model.chat_template.what)},
                   {"modalities", {{"vision", false}, {"audio", false}}},
                   {"build_info", text(context.build)}});
  call.reply->respond(std::move(response));
}

}  // namespace fulmar::api
