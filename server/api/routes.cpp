// The route table.
#include "api/routes.h"

#include "api/ai00/ai00.h"
#include "api/anthropic/anthropic.h"
#include "api/conrwkv/conrwkv.h"
#include "api/infer/infer.h"
#include "api/lightning/lightning.h"
#include "api/llama/llama.h"
#include "api/ollama/ollama.h"
#include "api/openai/openai.h"
#include "api/openai/runner_form.h"
#include "api/runner/runner.h"
#include "api/states/states.h"

namespace fulmar::api {
namespace {

// Of endpoints that stand at several paths.
constexpr About completing{"Continue a text", &openai::completion_answer, &openai::completion_fields, Answers::generation};
constexpr About chatting{"Answer a conversation", &openai::chat_answer, &openai::chat_fields, Answers::generation};
constexpr About embedding{"Make vectors of texts", &openai::embedding_answer, &openai::embedding_fields};
constexpr About batching{"Continue several texts at once", &lightning::native_answer, &lightning::native_fields, Answers::generation,
        Reach::own, nullptr, &lightning::batch_others};
constexpr About refusing{"Refuse a prompt beside messages", nullptr, &openai::chat_fields};
constexpr About templating{"Show the prompt that a conversation becomes", &openai::template_answer, &openai::chat_fields};
constexpr About continuing{"Continue texts as llama.cpp does", &llama::completion_answer, &llama::completion_fields, Answers::generation};
constexpr About continuing_there{"Continue a text as ai00 does", &ai00::completion_answer, &ai00::completion_fields, Answers::generation};
constexpr About chatting_there{"Answer a conversation as ai00 does", &ai00::chat_answer, &ai00::chat_fields, Answers::generation};
constexpr About embedding_there{"Make vectors of a text's chunks as ai00 does", &ai00::embed_answer, &ai00::embed_fields};
constexpr About no_states_there{"Refuse to give a state as JSON", nullptr, &no_fields};
constexpr About ranking{"Score texts by how well they answer a question", &llama::rerank_answer, &llama::rerank_fields, Answers::object,
                        Reach::own, nullptr, &llama::rerank_others};
constexpr About listing_there{"List the models as ai00 does", &ai00::models_answer};
constexpr About listing{"List the models", &openai::models_answer};
constexpr About describing{"Describe a model", &openai::model_answer};
constexpr About listing_for_anthropic{"List the models", &anthropic::models_answer, nullptr, Answers::object, Reach::own, &anthropic::list_query};
constexpr About describing_for_anthropic{"Describe a model", &anthropic::model_answer};

// What is nobody else's is an incomplete chat.
bool speaks_of_messages(const json::object& body) {
  return conrwkv::has_no_prompt(body) && !lightning::has_contents(body);
}

// What others have too, where the client says that it is Anthropic's.
Row for_anthropic(const char* path, Endpoint endpoint, const About& about) {
  return {"GET", path, anthropic::family, endpoint, about, Cost::quick, Auth::password, nullptr, Content::object, nullptr, nullptr,
          anthropic::speaks_anthropic};
}

// What Ollama's clients do to its store of models.
Row no_store(const char* method, const char* path) {
  return {method, path, ollama::family, ollama::refuse, {"Refuse to change the models that there are", nullptr, &no_fields}};
}

// Chats and completions that RWKV-Runner's clients ask for, which stand before those that are anybody's.
Row runner_chat(const char* path) {
  return {"POST", path, runner::family, openai::runner_chat,
          {"Answer a conversation as RWKV-Runner does", &openai::chat_answer, &openai::runner_chat_fields, Answers::generation},
          Cost::any, Auth::in_body, nullptr, Content::object, nullptr, openai::is_runner_chat};
}
Row runner_completions(const char* path) {
  return {"POST", path, runner::family, openai::runner_completions,
          {"Continue a text as RWKV-Runner does", &openai::completion_answer, &openai::runner_completion_fields, Answers::generation},
          Cost::any, Auth::password, nullptr, Content::object, nullptr, openai::is_runner_completion};
}

}  // namespace

std::vector<Row> all_rows() {
  using openai::family;
  return {
      {"GET", "/health", family, health, {"Tell whether requests are taken, and what goes on", &health_answer}, Cost::quick, Auth::open},
      {"GET", "/openapi.json", family, openapi, {"Describe all routes", &openapi_answer}},
      {"GET", "/metrics", family, metrics, {"Give numbers for Prometheus", nullptr, nullptr, Answers::text}, Cost::quick},
      {"GET", "/props", llama::family, llama::props, {"Tell what llama.cpp's clients ask a server for first", &llama::props_answer}, Cost::quick},
      {"POST", "/props", llama::family, llama::refuse_props, {"Refuse to change what is usual", nullptr, nullptr, Answers::object,
        Reach::own, nullptr, &llama::props_others}, Cost::any, Auth::password, nullptr,
       Content::anything},
      for_anthropic("/v1/models", anthropic::list_models, listing_for_anthropic),
      {"GET", "/v1/models", family, openai::list_models, listing, Cost::quick},
      for_anthropic("/v1/models/{}", anthropic::get_model, describing_for_anthropic),
      {"GET", "/v1/models/{}", family, openai::get_model, describing, Cost::quick},
      runner_completions("/v1/completions"),
      runner_chat("/v1/chat/completions"),
      {"POST", "/v1/completions", family, openai::completions, completing, Cost::any, Auth::password, conrwkv::has_no_messages},
      {"POST", "/v1/completions", conrwkv::family, conrwkv::refuse_both, refusing, Cost::any, Auth::password, conrwkv::has_both},
      {"POST", "/v1/completions", conrwkv::family, conrwkv::checked<openai::chat_completions>, chatting},
      {"POST", "/v1/chat/completions", family, openai::chat_completions, chatting, Cost::any, Auth::in_body, speaks_of_messages},
      {"POST", "/v1/chat/completions", lightning::family, lightning::batch_chat,
       batching, Cost::any, Auth::in_body, lightning::has_contents},
      {"POST", "/v1/chat/completions", conrwkv::family, conrwkv::refuse_both, refusing, Cost::any, Auth::in_body, conrwkv::has_both},
      {"POST", "/v1/chat/completions", conrwkv::family, conrwkv::checked<openai::completions>, completing, Cost::any, Auth::in_body},
      {"POST", "/v1/embeddings", family, openai::embeddings, embedding},
      {"POST", "/v1/responses", family, openai::create_response,
       {"Answer what is new behind a response before it", &openai::response_answer, &openai::response_fields, Answers::generation}},
      {"POST", "/v1/responses/input_tokens", family, openai::count_response_input,
       {"Count the tokens of a request for a response", &openai::count_answer, &openai::response_fields}},
      {"POST", "/v1/responses/{}/cancel", family, openai::cancel_response, {"Refuse to cancel a response", nullptr}, Cost::any, Auth::password,
       nullptr, Content::anything},
      {"GET", "/v1/responses/{}/input_items", family, openai::list_input_items,
       {"List what a response was asked with", &openai::input_items_answer, nullptr, Answers::object, Reach::own, &openai::input_item_query}},
      {"GET", "/v1/responses/{}", family, openai::get_response,
       {"Give a response that was kept", &openai::response_answer, nullptr, Answers::object, Reach::own, &openai::response_query}},
      {"DELETE", "/v1/responses/{}", family, openai::delete_response,
       {"Delete a response and its state", &openai::deleted_response_answer}},
      {"GET", "/tokenizer_info", family, openai::tokenizer_info, {"Tell what the vocabulary is", &openai::vocabulary_answer}},
      {"GET", "/apply-template", family, openai::apply_template, templating},
      {"POST", "/apply-template", family, openai::apply_template, templating},
      {"POST", "/state/fork", family, states::fork, {"Give a session a second name", &states::named_answer, &states::fork_fields}},
      {"POST", "/state/mix", family, states::mix, {"Mix sessions into a new one", &states::named_answer, &states::mix_fields}},
      {"POST", "/state/import", family, states::import_state,
       {"Make a session of a file", &states::named_answer, nullptr, Answers::object, Reach::own, &states::import_query},
       Cost::any, Auth::password, nullptr, Content::bytes, states::most_imported},
      {"GET", "/state/export/{}", family, states::export_state,
       {"Give a session as a file", &states::transcript_answer, nullptr, Answers::file, Reach::own, &states::export_query}},
      {"GET", "/state/{}", family, states::show, {"Describe a session", &states::session_answer}},
      {"DELETE", "/state/{}", family, states::erase, {"Delete a session", &states::deleted_answer, nullptr, Answers::object, Reach::own, &states::erase_query}},
      {"POST", "/completion", llama::family, llama::completion, continuing},
      {"POST", "/infill", llama::family, llama::infill, {"Fill a gap in a text", &llama::completion_answer, &llama::infill_fields, Answers::generation}},
      {"POST", "/tokenize", family, openai::tokenize, {"Make tokens of a text or a conversation", &openai::tokens_answer, &openai::tokenize_fields}, Cost::any,
       Auth::password, openai::is_tokenize},
      {"POST", "/v1/chat/completions/input_tokens", family, openai::count_input, {"Count the tokens of a conversation", &openai::count_answer, &openai::chat_fields}},
      {"POST", "/tokenize", llama::family, llama::tokenize, {"Make tokens of a text", &llama::tokens_answer, &llama::tokenize_fields}},
      {"POST", "/detokenize", llama::family, llama::detokenize, {"Make a text of tokens", &llama::text_answer, &llama::detokenize_fields}},
      {"POST", "/embedding", llama::family, llama::embedding, {"Make vectors of texts as llama.cpp does", &llama::embedding_answer, &llama::embedding_fields}},
      {"POST", "/rerank", llama::family, llama::rerank, ranking},
      {"POST", "/v1/rerank", llama::family, llama::rerank, ranking},
      {"POST", "/reranking", llama::family, llama::rerank, ranking},
      {"POST", "/v1/reranking", llama::family, llama::rerank, ranking},
      {"GET", "/lora-adapters", llama::family, llama::list_adapters, {"List the adapters of the model", &llama::adapters_answer}, Cost::quick},
      {"POST", "/lora-adapters", llama::family, llama::scale_adapters,
       {"Set how much adapters count", &llama::done_answer, nullptr, Answers::object, Reach::server}, Cost::any, Auth::password, nullptr, Content::bytes},
      {"GET", "/slots", llama::family, llama::list_slots,
       {"List the slots", &llama::slots_answer, nullptr, Answers::object, Reach::own, &llama::slot_list_query}},
      {"POST", "/slots/{}", llama::family, llama::act_on_slot,
       {"Save, restore or erase what a slot remembers", &llama::slot_answer, &llama::slot_fields, Answers::object,
        Reach::own, &llama::slot_query, &llama::slot_others},
       Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/v1/messages", anthropic::family, anthropic::messages,
       {"Answer a conversation in blocks", &anthropic::message_answer, &anthropic::request_fields, Answers::generation, Reach::own, nullptr,
        &anthropic::messages_others}},
      {"POST", "/v1/messages/count_tokens", anthropic::family, anthropic::count_tokens,
       {"Count the tokens of a conversation", &anthropic::count_answer, &anthropic::request_fields, Answers::object, Reach::own, nullptr,
        &anthropic::messages_others}},
      {"POST", "/api/chat", ollama::family, ollama::chat,
       {"Answer a conversation in lines of JSON", &ollama::chat_answer, &ollama::chat_fields, Answers::lines}},
      {"POST", "/api/generate", ollama::family, ollama::generate,
       {"Answer a question in lines of JSON", &ollama::generate_answer, &ollama::generate_fields, Answers::lines}},
      {"POST", "/api/embed", ollama::family, ollama::embed, {"Make vectors of texts", &ollama::embed_answer, &ollama::embed_fields}},
      {"POST", "/api/embeddings", ollama::family, ollama::embeddings, {"Make a vector of a text", &ollama::old_embed_answer, &ollama::old_embed_fields}},
      {"GET", "/api/tags", ollama::family, ollama::list_models, {"List the models and their files", &ollama::models_answer}},
      {"GET", "/api/ps", ollama::family, ollama::list_loaded, {"List the models that are loaded", &ollama::loaded_answer}},
      {"POST", "/api/show", ollama::family, ollama::show_model, {"Describe a model", &ollama::model_answer, &ollama::show_fields}},
      {"GET", "/api/version", ollama::family, ollama::version, {"Tell which release of Ollama is spoken", &ollama::version_answer}, Cost::quick},
      no_store("POST", "/api/pull"),
      no_store("POST", "/api/push"),
      no_store("POST", "/api/create"),
      no_store("POST", "/api/copy"),
      no_store("DELETE", "/api/delete"),
      {"GET", "/models/sse", llama::family, llama::watch_models, {"Follow how models come and go", nullptr, nullptr, Answers::events}, Cost::quick},
      {"POST", "/models/load", llama::family, llama::load_model, {"Load a model", &llama::done_answer, &llama::model_fields, Answers::object, Reach::server}},
      {"POST", "/models/unload", llama::family, llama::unload_model,
       {"Unload a model", &llama::done_answer, &llama::model_fields, Answers::object, Reach::server}},
      {"POST", "/v2/chat/completions", lightning::family, lightning::padded_chat,
       {"Continue several texts, each after token 0", &lightning::native_answer, &lightning::padded_fields, Answers::generation,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/v3/chat/completions", lightning::family, lightning::templated_chat,
       {"Answer several questions at once", &lightning::native_answer, &lightning::templated_fields, Answers::generation,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/FIM/v1/batch-FIM", lightning::family, lightning::fill_middle,
       {"Fill gaps in texts", &lightning::native_answer, &lightning::middle_fields, Answers::generation,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/translate/v1/batch-translate", lightning::translation_family, lightning::translate,
       {"Translate texts", &lightning::translation_answer, &lightning::translation_fields, Answers::object,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/big_batch/completions", lightning::family, lightning::big_batch,
       {"Continue many texts as a stream", nullptr, &lightning::big_batch_fields, Answers::events,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/v1/batch/completions", lightning::family, lightning::batch_completions,
       {"Continue several texts with other defaults", &lightning::native_answer, &lightning::fast_fields, Answers::generation,
        Reach::own, nullptr, &lightning::batch_others}, Cost::any, Auth::in_body},
      {"POST", "/openai/v1/chat/completions", lightning::family, openai::lightning_chat,
       {"Answer a conversation as rwkv_lightning does", &openai::chat_answer, &openai::lightning_chat_fields, Answers::generation}, Cost::any, Auth::in_body},
      {"GET", "/openai/v1/models", lightning::family, openai::list_models, listing},
      {"GET", "/openai/v1/models/{}", lightning::family, openai::get_model, describing},
      {"POST", "/v1/model/load", lightning::family, lightning::load_model,
       {"Load a model", &lightning::load_answer, &lightning::load_fields, Answers::object, Reach::server}, Cost::any, Auth::in_body},
      {"POST", "/v1/tokens/count", lightning::family, lightning::count_tokens,
       {"Count tokens", &lightning::count_answer, &lightning::count_fields}, Cost::any, Auth::in_body},
      {"GET", "/v1/server/status", lightning::family, lightning::server_status,
       {"List the answers under way and those paused", &lightning::status_answer}, Cost::quick},
      {"POST", "/v1/server/stop", lightning::family, lightning::stop,
       {"End answers as they are", &lightning::control_answer, &lightning::named_fields}, Cost::any, Auth::in_body, nullptr, Content::anything},
      {"POST", "/v1/server/pause", lightning::family, lightning::pause,
       {"Pause answers", &lightning::control_answer, &lightning::named_fields}, Cost::any, Auth::in_body, nullptr, Content::anything},
      {"POST", "/v1/server/resume", lightning::family, lightning::resume,
       {"Go on with an answer that was paused", nullptr, &lightning::resume_fields, Answers::events}, Cost::any, Auth::in_body},
      {"POST", "/state/chat/completions", lightning::family, lightning::state_chat,
       {"Say something to a session", &lightning::native_answer, &lightning::state_fields, Answers::generation,
        Reach::own, nullptr, &lightning::state_others}, Cost::any, Auth::in_body},
      {"POST", "/multi_state/chat/completions", lightning::family, lightning::multi_state_chat,
       {"Say something to a node of a tree of sessions", &lightning::native_answer, &lightning::multi_state_fields, Answers::generation,
        Reach::own, nullptr, &lightning::state_others}, Cost::any, Auth::in_body},
      {"POST", "/state/status", lightning::family, lightning::state_status,
       {"List the sessions", &lightning::sessions_answer, &lightning::status_fields}, Cost::any, Auth::in_body, nullptr, Content::anything},
      {"POST", "/state/delete", lightning::family, lightning::state_delete,
       {"Delete a session", &lightning::deleted_answer, &lightning::delete_fields, Answers::object,
        Reach::own, nullptr, &lightning::delete_others}, Cost::any, Auth::in_body},
      {"POST", "/loadmodel", infer::family, infer::load_model, {"Load a model", &infer::success_answer, &infer::load_fields, Answers::object,
        Reach::server, nullptr, &infer::file_others}},
      {"POST", "/removemodel", infer::family, infer::remove_model,
       {"Unload the model", &infer::success_answer, nullptr, Answers::object, Reach::server}, Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/loadstatemodel", infer::family, infer::load_state,
       {"Give the model with a tuned state a name", &infer::success_answer, &infer::state_fields, Answers::object,
        Reach::server, nullptr, &infer::state_others}},
      {"POST", "/mrss_loadstatemodel", infer::family, infer::load_mixture,
       {"Give a mixture of tuned states a name", &infer::success_answer, &infer::mixture_fields, Answers::object,
        Reach::server, nullptr, &infer::mixture_others}},
      {"POST", "/mrss_set_gatingweight", infer::family, infer::set_gates,
       {"Set the gates of a mixture", &infer::success_answer, &infer::gate_fields, Answers::object, Reach::server, nullptr, &infer::gate_others}},
      {"POST", "/removestatemodel", infer::family, infer::remove_states,
       {"Forget the names of tuned states and mixtures", &infer::success_answer, &no_fields, Answers::object, Reach::server}},
      {"GET", "/models", infer::family, infer::list_models, {"List the models with their tuned states", &infer::models_answer}, Cost::quick},
      {"GET", "/healthcheck", infer::family, infer::health_check, {"Tell that the server runs", &infer::health_answer}, Cost::quick},
      {"POST", "/fjdkgmzak9sd/sksf_appkill", infer::family, infer::kill,
       {"End the server", &infer::kill_answer, &infer::kill_fields, Answers::object, Reach::server}},
      {"GET", "/", runner::family, runner::hello, {"Say hello", &runner::hello_answer}, Cost::quick},
      {"GET", "/status", runner::family, runner::status, {"Tell what RWKV-Runner asks for", &runner::status_answer}, Cost::quick},
      {"GET", "/dashboard/billing/credit_grants", runner::family, runner::credits, {"Tell that nothing has to be paid", &runner::credits_answer}, Cost::quick},
      {"POST", "/switch-model", runner::family, runner::switch_model,
       {"Load another model", &runner::success_answer, &runner::switch_fields, Answers::object, Reach::server, nullptr, &runner::switch_others}},
      {"POST", "/update-config", runner::family, runner::update_config,
       {"Set what holds for requests that say nothing", &runner::success_answer, &runner::config_fields, Answers::object, Reach::server}},
      {"POST", "/disable-state-cache", runner::family, runner::disable_state_cache,
       {"Have requests go on from nothing that others read", &runner::success_answer, nullptr, Answers::object, Reach::server},
       Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/enable-state-cache", runner::family, runner::enable_state_cache,
       {"Have requests go on from what others read", &runner::success_answer, nullptr, Answers::object, Reach::server},
       Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/reset-state", runner::family, runner::reset_state,
       {"Answer that nothing has to be forgotten", &runner::success_answer, nullptr, Answers::object,
        Reach::server}, Cost::any, Auth::password, nullptr, Content::anything},
      {"POST", "/exit", runner::family, runner::leave,
       {"End the server", &runner::success_answer, nullptr, Answers::object, Reach::server}, Cost::any, Auth::password, nullptr, Content::anything},
      {"GET", "/api/oai/models", ai00::family, ai00::list_models, listing_there, Cost::quick},
      {"GET", "/api/oai/v1/models", ai00::family, ai00::list_models, listing_there, Cost::quick},
      {"POST", "/api/oai/completions", ai00::family, ai00::completions, continuing_there},
      {"POST", "/api/oai/v1/completions", ai00::family, ai00::completions, continuing_there},
      {"POST", "/api/oai/chat/completions", ai00::family, ai00::chat_completions, chatting_there},
      {"POST", "/api/oai/v1/chat/completions", ai00::family, ai00::chat_completions, chatting_there},
      {"POST", "/api/oai/embeds", ai00::family, ai00::embeds, embedding_there},
      {"POST", "/api/oai/v1/embeds", ai00::family, ai00::embeds, embedding_there},
      {"POST", "/api/oai/states", ai00::family, ai00::refuse_states, no_states_there},
      {"POST", "/api/oai/v1/states", ai00::family, ai00::refuse_states, no_states_there},
      {"GET", "/api/models/info", ai00::family, ai00::model_info, {"Describe the model and its states as ai00 does", &ai00::model_answer}, Cost::quick},
      {"GET", "/api/models/list", ai00::family, ai00::model_files, {"List the models' files", &ai00::files_answer}},
      {"GET", "/api/adapters", ai00::family, ai00::adapters, {"Name the device", &ai00::devices_answer}, Cost::quick},
      {"POST", "/admin/models/load", ai00::family, ai00::load_model,
       {"Load a model with adapters and states as ai00 does", &ai00::done_answer, &ai00::load_fields, Answers::object, Reach::server}},
      {"GET", "/admin/models/unload", ai00::family, ai00::unload_model,
       {"Unload the model", &ai00::done_answer, nullptr, Answers::object, Reach::server}},
      {"POST", "/v1/engines/text-embedding-ada-002/embeddings", runner::family, openai::embeddings, embedding},
      {"POST", "/engines/text-embedding-ada-002/embeddings", runner::family, openai::embeddings, embedding},
      // For clients whose base address lacks the /v1.
      {"GET", "/models/{}", family, openai::get_model, describing, Cost::quick},
      {"POST", "/completions", llama::family, llama::completion, continuing, Cost::any, Auth::password, nullptr, Content::object,
       nullptr, llama::is_completion},
      runner_completions("/completions"),
      runner_chat("/chat/completions"),
      {"POST", "/completions", family, openai::completions, completing, Cost::any, Auth::password, conrwkv::has_no_messages},
      {"POST", "/completions", conrwkv::family, conrwkv::refuse_both, refusing, Cost::any, Auth::password, conrwkv::has_both},
      {"POST", "/completions", conrwkv::family, conrwkv::checked<openai::chat_completions>, chatting},
      {"POST", "/chat/completions", family, openai::chat_completions, chatting, Cost::any, Auth::in_body, speaks_of_messages},
      {"POST", "/chat/completions", lightning::family, lightning::batch_chat, batching, Cost::any, Auth::in_body, lightning::has_contents},
      {"POST", "/chat/completions", conrwkv::family, conrwkv::refuse_both, refusing, Cost::any, Auth::in_body, conrwkv::has_both},
      {"POST", "/chat/completions", conrwkv::family, conrwkv::checked<openai::completions>, completing, Cost::any, Auth::in_body},
      {"POST", "/embeddings", family, openai::embeddings, embedding},
  };
}

http::Router make_router(const Context& context) {
  std::vector<http::Route> routes = make_routes(context, all_rows());
  const auto others = context.traffic.emplace_back(std::make_shared<http::Traffic>("other", "none"));
  return http::Router(std::move(routes), openai::family.wording, others,
                      {{"/v1/messages/", anthropic::family.wording},
                       {"/api/oai/", ai00::family.wording},
                       {"/api/models/", ai00::family.wording},
                       {"/admin/", ai00::family.wording},
                       {"/api/", ollama::family.wording},
                       {"/openai/", lightning::family.wording},
                       {"/v1/server/", lightning::family.wording}});
}

}  // namespace fulmar::api
