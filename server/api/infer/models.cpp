// POST /loadmodel and /removemodel, GET /models and /healthcheck, and the end of the server for whoever has its keys.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/loading.h"
#include "api/infer/infer.h"
#include "api/infer/load_words.h"
#include "base/fail.h"
#include "host/host.h"
#include "http/auth.h"

namespace fulmar::api::infer {
namespace {

constexpr float kScaling = 2;
constexpr uint32_t kTokens = 1024;  // of a chat that does not say

// A file that is not there, or is not what it should be, is 500 to these clients.
Error as_there(const Error& error) {
  const bool is_of_a_file = error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::bad_file;
  return is_of_a_file ? Error(ErrorKind::internal, error.what(), error.param()) : error;
}

std::string find_file(const Context& context, const std::string& name, host::Kind kind, const std::string& field) {
  try {
    return context.host->shelf().find(name, kind, field);
  } catch (const Error& error) {
    throw as_there(error);
  }
}

std::vector<std::string> adapter_names(const Fields& fields) {
  const json::value* const value = fields.find("adapter_filename");
  if (value && value->is_string()) {
    const auto one = string_of(*value, "adapter_filename");
    return one.empty() ? std::vector<std::string>() : std::vector{one};
  }
  std::vector<std::string> names;
  if (const json::array* const list = fields.list("adapter_filename"))
    for (const json::value& name : *list) names.push_back(string_of(name, fmt::format("adapter_filename[{}]", names.size())));
  return names;
}

std::vector<Adapter> read_adapters(const Context& context, const Fields& fields) {
  const std::string mode = adapter_mode_of(fields.text("adapter_mode").value_or("auto"));
  const float scaling = fields.number_or_text("adapter_scaling").value_or(kScaling);
  std::vector<Adapter> adapters;
  for (const std::string& name : adapter_names(fields))
    adapters.push_back({find_file(context, name, host::Kind::adapter, "adapter_filename"), mode, scaling});
  return adapters;
}

host::Usual read_usual(const Fields& fields) {
  host::Usual usual;
  usual.profile = "infer";
  usual.max_tokens = kTokens;
  usual.temperature = fields.number_or_text("default_temperature");
  usual.top_p = fields.number_or_text("default_top_p");
  if (const auto end = fields.text("endtoken"))
    if (std::string stop = unescaped(*end, "endtoken"); !stop.empty()) usual.stops.push_back(std::move(stop));
  return usual;
}

}  // namespace

constexpr Shape models_answer{"RWKV-Infer's models", R"([{"object": "=models", "id": "text"}])"};
constexpr Shape health_answer{"RWKV-Infer's health", R"({"message": "=ok", "status_code": 200})"};
constexpr Shape kill_answer{"RWKV-Infer's goodbye", R"({"message": "=Keys verified successfully", "status_code": 200})"};
constexpr Others file_others{{{{500, "A file is not there or is not what it should be, as its clients know it; or something went wrong inside the server."}}}};

void load_model(const Context& context, const Call& call) {
  const Fields fields(call.body, load_fields);
  const auto file = fields.text("model_filename");
  if (!file) bad_field("model_filename", "is missing");
  const std::string name = fields.text("model_viewname").value_or("default model");
  check_name(name, "model_viewname");
  const std::string strategy = fields.text("model_strategy").value_or("None");
  host::Usual usual = read_usual(fields);
  ModelSpec spec = context.host->spec_for(find_file(context, *file, host::Kind::model, "model_filename"), name);
  if (strategy != "None") spec.strategy = strategy_of(strategy);
  spec.adapters = read_adapters(context, fields);
  if (const std::string chosen = fields.text("template").value_or("world"); chosen != "world") spec.chat_template = chosen;
  answer_when_loaded(context, std::move(spec), {}, call, success, std::move(usual), as_there);
}

void remove_model(const Context& context, const Call& call) {
  try {
    answer_when_unloaded(context, {}, {}, call, success);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    call.reply->respond(success());  // there was none
  }
}

// What a chat's "model" may be: the current one with its states first.
void list_models(const Context& context, const Call& call) {
  if (!context.host->shelf().is_open()) context.ready();
  json::array models;
  const auto add = [&models](const std::string& id) { models.push_back({{"object", "models"}, {"id", text(id)}}); };
  const std::vector<host::ServedPtr> names = context.host->names();
  const std::vector<host::Listed> all = context.host->list();
  const auto add_names = [&] {
    for (const host::ServedPtr& name : names) add(name->id);
  };
  const bool has_current = !all.empty() && all[0].current;
  for (const host::Listed& listed : all) {
    if (listed.presence != host::Presence::failed) add(listed.id);
    if (listed.current) add_names();
  }
  if (!has_current) add_names();
  http::Response response;
  response.body = json::serialize(models);
  call.reply->respond(std::move(response));
}

void health_check(const Context&, const Call& call) {
  http::Response response;
  response.body = R"({"message":"ok","status_code":200})";
  call.reply->respond(std::move(response));
}

void kill(const Context& context, const Call& call) {
  for (const std::string& key : context.admin_keys)
    if (key.empty()) fail(ErrorKind::not_found, "this server ends for nobody: it was started without --admin-key1 and --admin-key2");
  const Fields fields(call.body, kill_fields);
  const bool first = http::is_password(fields.text("key1").value_or(""), context.admin_keys[0]);
  const bool second = http::is_password(fields.text("key2").value_or(""), context.admin_keys[1]);
  if (!first || !second) throw Error(ErrorKind::bad_request, "Invalid keys");
  http::Response response;
  response.body = R"({"message":"Keys verified successfully","status_code":200})";
  call.reply->respond(std::move(response));
  context.stop();
}

}  // namespace fulmar::api::infer
