// The route table.
#include "api/routes.h"

#include "api/conrwkv/conrwkv.h"
#include "api/infer/infer.h"
#include "api/lightning/lightning.h"
#include "api/llama/llama.h"
#include "api/openai/openai.h"
#include "api/openai/runner_form.h"
#include "api/runner/runner.h"
#include "api/states/states.h"

namespace fulmar::api {
namespace {

// What is nobody else's is an incomplete chat.
bool speaks_of_messages(const json::object& body) {
  return conrwkv::has_no_prompt(body) && !lightning::has_contents(body);
}

// Chats and completions that RWKV-Runner's clients ask for, which stand before those that are anybody's.
Row runner_chat(const char* path) {
  return {"POST", path, runner::family, openai::runner_chat, Cost::any, Auth::in_body, nullptr, Content::object, nullptr,
          openai::is_runner_chat};
}
Row runner_completions(const char* path) {
  return {"POST", path, runner::family, openai::runner_completions, Cost::any, Auth::password, nullptr, Content::object, nullptr,
          openai::is_runner_completion};
}

}  // namespace

std::vector<Row> all_rows() {
  using openai::family;
  return {
      {"GET", "/health", family, health, Cost::quick, Auth::open},
      {"GET", "/props", family, props, Cost::quick},
      {"GET", "/v1/models", family, openai::list_models, Cost::quick},
      {"GET", "/v1/models/{}", family, openai::get_model, Cost::quick},
      runner_completions("/v1/completions"),
      runner_chat("/v1/chat/completions"),
      {"POST", "/v1/completions", family, openai::completions, Cost::any, Auth::password, conrwkv::has_no_messages},
      {"POST", "/v1/completions", conrwkv::family, conrwkv::refuse_both, Cost::any, Auth::password, conrwkv::has_both},
      {"POST", "/v1/completions", conrwkv::family, conrwkv::checked<openai::chat_completions>},
      {"POST", "/v1/chat/completions", family, openai::chat_completions, Cost::any, Auth::in_body, speaks_of_messages},
      {"POST", "/v1/chat/completions", lightning::family, lightning::batch_chat, Cost::any, Auth::in_body, lightning::has_contents},
      {"POST", "/v1/chat/completions", conrwkv::family, conrwkv::refuse_both, Cost::any, Auth::in_body, conrwkv::has_both},
      {"POST", "/v1/chat/completions", conrwkv::family, conrwkv::checked<openai::completions>, Cost::any, Auth::in_body},
      {"POST", "/v1/embeddings", family, openai::embeddings},
      {"GET", "/apply-template", family, openai::apply_template},
      {"POST", "/apply-template", family, openai::apply_template},
      {"POST", "/state/fork", family, states::fork},
      {"POST", "/state/mix", family, states::mix},
      {"POST", "/state/import", family, states::import_state, Cost::any, Auth::password, nullptr, Content::bytes,
       states::most_imported},
      {"GET", "/state/export/{}", family, states::export_state},
      {"GET", "/state/{}", family, states::show},
      {"DELETE", "/state/{}", family, states::erase},
      {"GET", "/slots", llama::family, llama::list_slots},
      {"POST", "/slots/{}", llama::family, llama::act_on_slot, Cost::any, Auth::password, nullptr, Content::anything},
      {"GET", "/models/sse", llama::family, llama::watch_models, Cost::quick},
      {"POST", "/models/load", llama::family, llama::load_model},
      {"POST", "/models/unload", llama::family, llama::unload_model},
      {"POST", "/v2/chat/completions", lightning::family, lightning::padded_chat, Cost::any, Auth::in_body},
      {"POST", "/v3/chat/completions", lightning::family, lightning::templated_chat, Cost::any, Auth::in_body},
      {"POST", "/FIM/v1/batch-FIM", lightning::family, lightning::fill_middle, Cost::any, Auth::in_body},
      {"POST", "/translate/v1/batch-translate", lightning::translation_family, lightning::translate, Cost::any, Auth::in_body},
      {"POST", "/big_batch/completions", lightning::family, lightning::big_batch, Cost::any, Auth::in_body},
      {"POST", "/v1/batch/completions", lightning::family, lightning::batch_completions, Cost::any, Auth::in_body},
      {"POST", "/openai/v1/chat/completions", lightning::family, openai::lightning_chat, Cost::any, Auth::in_body},
      {"GET", "/openai/v1/models", lightning::family, openai::list_models},
      {"GET", "/openai/v1/models/{}", lightning::family, openai::get_model},
      {"POST", "/v1/model/load", lightning::family, lightning::load_model, Cost::any, Auth::in_body},
      {"POST", "/v1/tokens/count", lightning::family, lightning::count_tokens, Cost::any, Auth::in_body},
      {"GET", "/v1/server/status", lightning::family, lightning::server_status, Cost::quick},
      {"POST", "/v1/server/stop", lightning::family, lightning::stop, Cost::any, Auth::in_body, nullptr, Content::anything},
      {"POST", "/v1/server/pause", lightning::family, lightning::pause, Cost::any, Auth::in_body, nullptr, Content::anything},
      {"POST", "/v1/server/resume", lightning::family, lightning::resume, Cost::any, Auth::in_body},
      {"POST", "/state/chat/completions", lightning::family, lightning::state_chat, Cost::any, Auth::in_body},
      {"POST", "/multi_state/chat/completions", lightning::family, lightning::multi_state_chat, Cost::any, Auth::in_body},
      {"POST", "/state/status", lightning::family, lightning::state_status, Cost::any, Auth::in_body, nullptr,
       Content::anything},
      {"POST", "/state/delete", lightning::family, lightning::state_delete, Cost::any, Auth::in_body},
      {"POST", "/loadmodel", infer::family, infer::load_model},
      {"POST", "/removemodel", infer::family, infer::remove_model, Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/loadstatemodel", infer::family, infer::load_state},
      {"POST", "/mrss_loadstatemodel", infer::family, infer::load_mixture},
      {"POST", "/mrss_set_gatingweight", infer::family, infer::set_gates},
      {"POST", "/removestatemodel", infer::family, infer::remove_states},
      {"GET", "/models", infer::family, infer::list_models, Cost::quick},
      {"GET", "/healthcheck", infer::family, infer::health_check, Cost::quick},
      {"POST", "/fjdkgmzak9sd/sksf_appkill", infer::family, infer::kill},
      {"GET", "/", runner::family, runner::hello, Cost::quick},
      {"GET", "/status", runner::family, runner::status, Cost::quick},
      {"GET", "/dashboard/billing/credit_grants", runner::family, runner::credits, Cost::quick},
      {"POST", "/switch-model", runner::family, runner::switch_model},
      {"POST", "/update-config", runner::family, runner::update_config},
      {"POST", "/disable-state-cache", runner::family, runner::disable_state_cache, Cost::any, Auth::password, nullptr,
       Content::anything},
      {"POST", "/enable-state-cache", runner::family, runner::enable_state_cache, Cost::any, Auth::password, nullptr,
       Content::anything},
      {"POST", "/reset-state", runner::family, runner::reset_state, Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/exit", runner::family, runner::leave, Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/v1/engines/text-embedding-ada-002/embeddings", runner::family, openai::embeddings},
      {"POST", "/engines/text-embedding-ada-002/embeddings", runner::family, openai::embeddings},
      // For clients whose base address lacks the /v1.
      {"GET", "/models/{}", family, openai::get_model, Cost::quick},
      runner_completions("/completions"),
      runner_chat("/chat/completions"),
      {"POST", "/completions", family, openai::completions, Cost::any, Auth::password, conrwkv::has_no_messages},
      {"POST", "/completions", conrwkv::family, conrwkv::refuse_both, Cost::any, Auth::password, conrwkv::has_both},
      {"POST", "/completions", conrwkv::family, conrwkv::checked<openai::chat_completions>},
      {"POST", "/chat/completions", family, openai::chat_completions, Cost::any, Auth::in_body, speaks_of_messages},
      {"POST", "/chat/completions", lightning::family, lightning::batch_chat, Cost::any, Auth::in_body, lightning::has_contents},
      {"POST", "/chat/completions", conrwkv::family, conrwkv::refuse_both, Cost::any, Auth::in_body, conrwkv::has_both},
      {"POST", "/chat/completions", conrwkv::family, conrwkv::checked<openai::completions>, Cost::any, Auth::in_body},
      {"POST", "/embeddings", family, openai::embeddings},
  };
}

http::Router make_router(const Context& context) {
  return http::Router(make_routes(context, all_rows()), openai::family.wording);
}

}  // namespace fulmar::api
