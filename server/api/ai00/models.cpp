// ai00's models: what there is, what is loaded, and loading another.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "answer/loading.h"
#include "api/ai00/ai00.h"
#include "host/host.h"

namespace fulmar::api::ai00 {
namespace {

http::Response answer_of(const json::value& value) {
  http::Response response;
  response.body = json::serialize(value);
  return response;
}

std::string required(const Fields& fields, std::string_view field) {
  const auto value = fields.text(field);
  if (!value) bad_field(fields.name(field), "is missing");
  return *value;
}

json::array adapters_of(const Context& context, const std::string& id) {
  json::array adapters;
  if (const auto spec = context.host->spec_of(id))
    for (const Adapter& adapter : spec->adapters)
      adapters.push_back(json::object{{"path", text(adapter.file)}, {"alpha", adapter.scaling ? json::value(*adapter.scaling) : json::value()}});
  return adapters;
}

json::array states_of(const Context& context) {
  json::array states;
  for (const host::ServedPtr& name : context.host->names())
    if (name->streams.size() == 1) states.push_back(json::object{{"id", id_of_state(name->id)}, {"name", text(name->id)}});
  return states;
}

// A state's file and what requests call it.
struct Named {
  std::string name, file;
};

std::string strategy_of(const Fields& fields) {
  if (fields.integer("quant").value_or(0) == 0) return {};
  const std::string type = fields.text("quant_type").value_or("None");
  if (type == "None") return {};
  if (type == "Int8") return "auto fp16i8";
  if (type == "NF4" || type == "SF4") return "auto fp16nf4";
  bad_field("quant_type", "must be None, Int8, NF4 or SF4");
}

// Tuned states become names of the model that was loaded; an error is the answer.
void name_states(const Context& context, const std::vector<Named>& states) {
  const host::ServedPtr model = context.ready();
  for (const Named& state : states) {
    host::Served entry;
    entry.engine = model->engine;
    entry.id = fmt::format("{} {}", model->id, state.name);
    entry.streams.emplace_back().start = model->engine->tuned_state(state.file, "");
    context.host->name(std::move(entry));
  }
}

}  // namespace

constexpr Shape models_answer{"ai00's models", R"({"data": [{"object": "=models", "id": "text"}]})"};
constexpr Shape model_answer{"ai00's model", R"({
  "reload": {"model_path": "text", "lora": [{"path": "text", "alpha": "number|null"}], "max_batch": "integer"},
  "model": {"version": "text", "num_layer": "integer", "num_emb": "integer", "num_vocab": "integer"},
  "states": [{"id": "text", "name": "text"}]})"};
constexpr Shape files_answer{"ai00's files", R"([{"name": "text", "path": "text"}])"};
constexpr Shape devices_answer{"ai00's devices", R"(["text"])"};
constexpr Shape done_answer{"ai00's success", R"({})"};

std::string id_of_state(std::string_view name) {
  uint64_t halves[2] = {0xcbf29ce484222325u, 0x84222325cbf29ce4u};
  for (const char c : name)
    for (uint64_t& half : halves) half = (half ^ static_cast<unsigned char>(c)) * 0x100000001b3u + (half >> 32);
  // Version 8 is for whatever a program makes of its own accord.
  return fmt::format("{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}", halves[0] >> 32, halves[0] >> 16 & 0xffff, halves[0] & 0xfff,
                     (halves[1] >> 48 & 0x3fff) | 0x8000, halves[1] & 0xffffffffffff);
}

void list_models(const Context& context, const Call& call) {
  json::array models;
  for (const host::Listed& listed : context.host->list())
    if (listed.presence != host::Presence::failed) models.push_back(json::object{{"object", "models"}, {"id", text(listed.id)}});
  call.reply->respond(answer_of(json::object{{"data", std::move(models)}}));
}

void model_info(const Context& context, const Call& call) {
  const host::ServedPtr served = context.loaded();
  const ModelInfo& model = served->engine->model();
  call.reply->respond(answer_of(
      {{"reload", {{"model_path", text(model.path)}, {"lora", adapters_of(context, served->id)}, {"max_batch", model.slots}}},
       {"model",
        {{"version", text(model.version)}, {"num_layer", model.layers}, {"num_emb", model.channels}, {"num_vocab", model.vocab}}},
       {"states", states_of(context)}}));
}

void model_files(const Context& context, const Call& call) {
  json::array files;
  for (const host::Shelf::Model& model : context.host->shelf().models())
    files.push_back(json::object{{"name", text(model.id)}, {"path", text(model.path)}});
  call.reply->respond(answer_of(std::move(files)));
}

void adapters(const Context& context, const Call& call) {
  call.reply->respond(answer_of(json::array{text(context.loaded()->engine->model().device)}));
}

void load_model(const Context& context, const Call& call) {
  const Fields fields(call.body, load_fields);
  const host::Shelf& shelf = context.host->shelf();
  const std::string path = shelf.find(required(fields, "model_path"), host::Kind::model, "model_path");
  ModelSpec spec = context.host->spec_for(path, host::Shelf::id_of(path));
  if (const std::string strategy = strategy_of(fields); !strategy.empty()) spec.strategy = strategy;
  if (const auto rows = fields.integer("token_chunk_size")) spec.step_tokens = static_cast<uint32_t>(*rows);
  if (const auto slots = fields.integer("max_batch")) spec.slots = static_cast<uint32_t>(*slots);
  if (const json::array* const list = fields.list("lora")) {
    spec.adapters.clear();
    for (const json::value& one : *list) {
      if (!one.is_object()) bad_field("lora", "must be an array of {\"path\": ..., \"alpha\": ...}");
      const Fields lora(one.get_object(), lora_fields, "lora.");
      spec.adapters.push_back({shelf.find(required(lora, "path"), host::Kind::adapter, "lora.path"), "auto", lora.number("alpha").value_or(1)});
    }
  }
  std::vector<Named> states;
  if (const json::array* const list = fields.list("state")) {
    for (const json::value& one : *list) {
      if (!one.is_object()) bad_field("state", "must be an array of {\"path\": ..., \"name\": ...}");
      const Fields state(one.get_object(), loaded_state_fields, "state.");
      const std::string file = shelf.find(required(state, "path"), host::Kind::state, "state.path");
      if (state.boolean("default").value_or(false)) spec.state = file;
      states.push_back({state.text("id").value_or(state.text("name").value_or(host::Shelf::id_of(file))), file});
    }
  }
  answer_when_loaded(context, std::move(spec), {}, call, [&context, states] {
    name_states(context, states);
    return answer_of(json::object());
  });
}

void unload_model(const Context& context, const Call& call) {
  answer_when_unloaded(context, {}, {}, call, [] { return answer_of(json::object()); });
}

void refuse_states(const Context&, const Call&) {
  throw Error(ErrorKind::unsupported, "a state's numbers are not given as JSON here: keep the text in a session with session_id, and GET /state/export/{id} has its state in a file");
}

}  // namespace fulmar::api::ai00
