// What Ollama's clients ask of models: the list, those that are loaded, one of them.
#include <fmt/format.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "answer/rfc3339.h"
#include "answer/whole.h"
#include "api/ollama/asking.h"
#include "api/ollama/ollama.h"
#include "base/checksum.h"
#include "host/host.h"

namespace fulmar::api::ollama {
namespace {

constexpr std::string_view spoken = "0.12.0";  // the release whose endpoints these are; clients look whether it is new enough
constexpr int kFiles = 1000;                   // of a model's folder, whose sizes are added up

// What the file system tells of a model.
struct Stored {
  std::string format;  // "pth"; empty: a folder, or unknown
  uint64_t bytes = 0;
  std::chrono::system_clock::time_point changed{};
};

Stored stored(const std::string& file) {
  namespace fs = std::filesystem;
  Stored found;
  std::error_code bad;
  const fs::path path(file);
  if (const auto time = fs::last_write_time(path, bad); !bad)
    found.changed = std::chrono::time_point_cast<std::chrono::system_clock::duration>(std::chrono::file_clock::to_sys(time));
  if (!fs::is_directory(path, bad)) {
    const std::string ending = path.extension().string();
    if (!ending.empty()) found.format = ending.substr(1);
    const auto size = fs::file_size(path, bad);
    if (!bad) found.bytes = size;
    return found;
  }
  int count = 0;
  for (fs::directory_iterator entry(path, bad), end; !bad && entry != end && count < kFiles; entry.increment(bad), ++count) {
    std::error_code none;
    if (const auto size = entry->file_size(none); !none) found.bytes += size;
  }
  return found;
}

std::string path_of(const Context& context, const host::Listed& listed) {
  if (listed.served) return listed.served->engine->model().path;
  const std::optional<ModelSpec> spec = context.host->spec_of(listed.id);
  return spec ? spec->file : std::string();
}

// 64 digits, as clients cut them short, that tell files apart by what can be seen without reading them.
std::string digest_of(const std::string& path, const Stored& file) {
  const std::string seen = fmt::format("{} {} {}", path, file.bytes, file.changed.time_since_epoch().count());
  std::string digits;
  for (uint64_t seed = 0; seed < 4; ++seed) digits += fmt::format("{:016x}", checksum64(std::as_bytes(std::span(seen)), seed));
  return digits;
}

std::string size_word(uint64_t parameters) {
  if (parameters == 0) return {};
  if (parameters >= 1'000'000'000) return fmt::format("{:.1f}B", static_cast<double>(parameters) / 1e9);
  return fmt::format("{:.1f}M", static_cast<double>(parameters) / 1e6);
}

json::object details_of(const host::Listed& listed, const Stored& file) {
  const ModelInfo* model = listed.served ? &listed.served->engine->model() : nullptr;
  const std::string family = model ? "rwkv" + model->version.substr(1) : "rwkv";
  return {{"parent_model", ""},
          {"format", text(file.format)},
          {"family", text(family)},
          {"families", {text(family)}},
          {"parameter_size", text(model ? size_word(model->parameters) : std::string())},
          {"quantization_level", text(model ? model->strategy : std::string())}};
}

// What all lists tell of a model.
json::object described(const Context& context, const host::Listed& listed) {
  const std::string path = path_of(context, listed);
  const Stored file = stored(path);
  const std::string name = listed.id + ":latest";
  return {{"name", text(name)},
          {"model", text(name)},
          {"modified_at", text(rfc3339(file.changed))},
          {"size", file.bytes},
          {"digest", text(digest_of(path, file))},
          {"details", details_of(listed, file)}};
}

constexpr Shape details_shape{"Ollama's details", R"({
  "parent_model": "text", "format": "text", "family": "text", "families": ["text"], "parameter_size": "text", "quantization_level": "text"})"};

void give(const Context& context, const Call& call, const json::object& object) {
  give_whole(context, call, json::serialize(object));
}

json::object facts_of(const ModelInfo& model) {
  const std::string family = "rwkv" + model.version.substr(1);
  const auto key = [&](std::string_view name) { return text(fmt::format("{}.{}", family, name)); };
  json::object facts = {{"general.architecture", text(family)}, {"general.parameter_count", model.parameters}};
  facts.emplace(key("block_count"), model.layers);
  facts.emplace(key("embedding_length"), model.channels);
  if (model.trained_context > 0) facts.emplace(key("context_length"), model.trained_context);
  facts.emplace("tokenizer.ggml.model", text(model.tokenizer.what));
  facts.emplace("tokenizer.vocab_size", model.vocab);
  return facts;
}

json::array abilities_of(const ModelInfo& model) {
  if (model.embeds) return {"embedding"};
  return {"completion", "tools", "thinking", "insert", "embedding"};
}

}  // namespace

constexpr Shape models_answer{"Ollama's models", R"({"models": [{
  "name": "text", "model": "text", "modified_at": "text", "size": "integer", "digest": "text", "details": "@Ollama's details"}]})",
                              {&details_shape}};
constexpr Shape loaded_answer{"Ollama's loaded models", R"({"models": [{
  "name": "text", "model": "text", "modified_at": "text", "size": "integer", "digest": "text", "details": "@Ollama's details",
  "size_vram": "integer", "expires_at": "text", "context_length": "integer"}]})", {&details_shape}};
constexpr Shape model_answer{"Ollama's model", R"({
  "license": "text", "modelfile": "text", "parameters": "text", "template": "text", "details": "@Ollama's details", "modified_at": "text",
  "model_info": "object", "capabilities?": ["text"]})", {&details_shape}};
constexpr Shape version_answer{"Ollama's version", R"({"version": "text"})"};

void list_models(const Context& context, const Call& call) {
  if (!context.host->shelf().is_open()) context.ready();  // there is one model, or why there is none
  json::array models;
  for (const host::Listed& listed : context.host->list()) models.push_back(described(context, listed));
  give(context, call, {{"models", std::move(models)}});
}

void list_loaded(const Context& context, const Call& call) {
  constexpr double for_ever = 100.0 * 365 * 24 * 3600;
  json::array models;
  for (const host::Listed& listed : context.host->list()) {
    if (!listed.served) continue;
    const ModelInfo& model = listed.served->engine->model();
    const uint64_t bytes = model.weight_bytes + model.state_bytes * model.slots;
    const auto leaves = std::chrono::system_clock::now() +
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(
                            std::chrono::duration<double>(std::min(listed.leaves_in.value_or(for_ever), for_ever)));
    json::object one = described(context, listed);
    one["size"] = bytes;
    one["size_vram"] = model.strategy.starts_with("cpu") ? 0 : bytes;
    one["expires_at"] = text(rfc3339(leaves));
    one["context_length"] = model.trained_context;
    models.push_back(std::move(one));
  }
  give(context, call, {{"models", std::move(models)}});
}

void show_model(const Context& context, const Call& call) {
  const Fields fields(call.body, show_fields);
  std::string_view id = model_id(call);
  const std::string older = fields.text("name").value_or("");
  fields.text("model");
  if (id.empty()) id = older.ends_with(":latest") ? std::string_view(older).substr(0, older.rfind(':')) : std::string_view(older);
  const bool any = !context.host->shelf().is_open();
  for (const host::Listed& listed : context.host->list()) {
    if (listed.id != id && !(listed.current && (id.empty() || any))) continue;
    const json::object seen = described(context, listed);
    json::object shown = {{"license", ""},
                          {"modelfile", text(fmt::format("FROM {}\n", listed.id))},
                          {"parameters", ""},
                          {"template", ""},
                          {"details", seen.at("details")},
                          {"modified_at", seen.at("modified_at")},
                          {"model_info", json::object{{"general.architecture", "rwkv"}}}};
    if (listed.served) {
      const ModelInfo& model = listed.served->engine->model();
      shown["template"] = text(model.chat_template.what);
      shown["model_info"] = facts_of(model);
      shown["capabilities"] = abilities_of(model);
    }
    return give(context, call, shown);
  }
  throw Error(ErrorKind::not_found, fmt::format("model '{}' not found", id), "model");
}

void version(const Context&, const Call& call) {
  http::Response response;
  response.body = fmt::format(R"({{"version":"{}"}})", spoken);
  call.reply->respond(std::move(response));
}

void refuse(const Context&, const Call&) {
  throw Error(ErrorKind::unsupported,
              "models are files here: put them into the folder of --models-dir, or remove them there; GET /api/tags lists them");
}

}  // namespace fulmar::api::ollama
