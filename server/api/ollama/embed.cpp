// POST /api/embed and /api/embeddings: vectors of texts, of several or of one.
#include <fmt/format.h>

#include <chrono>

#include "answer/inputs.h"
#include "answer/vectors.h"
#include "api/ollama/asking.h"
#include "api/ollama/ollama.h"
#include "base/json_text.h"

namespace fulmar::api::ollama {
namespace {

using Clock = std::chrono::steady_clock;

class ManyWords final : public VectorWords {
 public:
  ManyWords(std::string_view model, size_t dimensions, Clock::time_point came)
      : model_(json_quoted(model)), dimensions_(dimensions), came_(came) {}

  void begin(std::string& out) override { out += fmt::format(R"({{"model":{},"embeddings":[)", model_); }
  void put(size_t index, std::span<const float> vector, std::string& out) override {
    if (index > 0) out += ',';
    append_numbers(out, shortened(vector, dimensions_));
  }
  void end(const Usage& usage, std::string& out) override {
    const auto nanoseconds = [](Clock::duration time) { return std::chrono::nanoseconds(time).count(); };
    out += fmt::format(R"(],"total_duration":{},"load_duration":{},"prompt_eval_count":{}}})", nanoseconds(Clock::now() - came_),
                       nanoseconds(begun_ - came_), usage.prompt);
  }

 private:
  const std::string model_;
  const size_t dimensions_;
  const Clock::time_point came_;  // the request
  const Clock::time_point begun_ = Clock::now();  // with the model there
};

class OneWords final : public VectorWords {
 public:
  void begin(std::string& out) override { out += R"({"embedding":)"; }
  void put(size_t, std::span<const float> vector, std::string& out) override { append_numbers(out, vector); }
  void end(const Usage&, std::string& out) override { out += '}'; }
};

void respond(const Call& call, std::string body) {
  http::Response response;
  response.body = std::move(body);
  call.reply->respond(std::move(response));
}

}  // namespace

constexpr Shape embed_answer{"Ollama's vectors", R"({
  "model": "text", "embeddings": [["number"]], "total_duration?": "integer", "load_duration?": "integer", "prompt_eval_count?": "integer"})"};
constexpr Shape old_embed_answer{"Ollama's vector", R"({"embedding": ["number"]})"};

void embed(const Context& context, const Call& call) {
  const Fields fields(call.body, embed_fields);
  fields.map("options");
  const std::optional<double> seconds = read_keep_alive(fields);
  const host::ServedPtr served = context.ready(model_id(call));
  const Engine& engine = *served->engine;
  const ModelInfo& model = engine.model();
  keep_alive(context, *served, seconds);
  const auto dimensions = fields.integer("dimensions");
  if (dimensions && *dimensions > model.channels)
    bad_field("dimensions", fmt::format("is {}, this model's vectors have {}", *dimensions, model.channels));
  const json::value* input = fields.find("input");
  if (!input || says_nothing(*input)) return respond(call, fmt::format(R"({{"model":{},"embeddings":[]}})", json_quoted(model_said(call, *served))));
  VectorsAsked asked;
  asked.each.embed = true;
  std::vector<PromptInput> texts = read_inputs(fields, "input", model.vocab);
  for (PromptInput& text : texts) {
    try {
      asked.prompts.push_back(vector_prompt(engine, std::move(text), "input"));
    } catch (const Error& error) {
      if (texts.size() == 1) throw;
      throw of_entry(error, "input", asked.prompts.size());
    }
  }
  auto words = std::make_unique<ManyWords>(model_said(call, *served), static_cast<size_t>(dimensions.value_or(0)), call.http.came);
  give_vectors(context, call, served, std::move(asked), std::move(words));
}

void embeddings(const Context& context, const Call& call) {
  const Fields fields(call.body, old_embed_fields);
  fields.map("options");
  const std::optional<double> seconds = read_keep_alive(fields);
  const host::ServedPtr served = context.ready(model_id(call));
  keep_alive(context, *served, seconds);
  const auto prompt = fields.text("prompt");
  if (!prompt) return respond(call, R"({"embedding":[]})");
  PromptInput text;
  text.text = *prompt;
  VectorsAsked asked;
  asked.each.embed = true;
  asked.prompts.push_back(vector_prompt(*served->engine, std::move(text), "prompt"));
  give_vectors(context, call, served, std::move(asked), std::make_unique<OneWords>());
}

}  // namespace fulmar::api::ollama
