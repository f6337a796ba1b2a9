// POST /v1/embeddings: a vector for each text.
#include <fmt/format.h>

#include "answer/base64.h"
#include "answer/inputs.h"
#include "answer/vectors.h"
#include "api/openai/openai.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

class EmbeddingWords final : public VectorWords {
 public:
  EmbeddingWords(std::string model, bool base64, size_t dimensions)
      : model_(std::move(model)), base64_(base64), dimensions_(dimensions) {}

  void begin(std::string& out) override { out += R"({"object":"list","data":[)"; }

  void put(size_t index, std::span<const float> vector, std::string& out) override {
    out += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", index > 0 ? "," : "", index);
    const std::vector<float> numbers = shortened(vector, dimensions_);
    if (base64_)
      out.append("\"").append(base64_floats(numbers)).append("\"");
    else
      append_numbers(out, numbers);
    out += '}';
  }

  void end(const Usage& usage, std::string& out) override {
    out += fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})", json_quoted(model_), usage.prompt,
                       usage.prompt);
  }

 private:
  const std::string model_;
  const bool base64_;
  const size_t dimensions_;
};

bool is_base64(const Fields& fields) {
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") bad_field("encoding_format", "must be float or base64");
  return format == "base64";
}

size_t read_dimensions(const Fields& fields, const ModelInfo& model) {
  const int64_t dimensions = fields.integer("dimensions").value_or(0);
  if (dimensions > model.channels)
    bad_field("dimensions", fmt::format("is {}, this model's vectors have {}", dimensions, model.channels));
  return static_cast<size_t>(dimensions);
}

}  // namespace

constexpr Shape embedding_answer{"OpenAI's vectors", R"({
  "object": "=list", "data": [{"object": "=embedding", "index": "integer", "embedding": "list|text"}], "model": "text",
  "usage": {"prompt_tokens": "integer", "total_tokens": "integer"}})"};

void embeddings(const Context& context, const Call& call) {
  // RWKV-Runner's clients have one word for whatever model there is.
  const host::ServedPtr served = context.standing.begun() ? context.ready_or_current(model_of(call)) : context.ready(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, embedding_fields);
  fields.refuse_unsupported();
  fields.text("model");
  const ModelInfo& model = engine.model();
  auto words = std::make_unique<EmbeddingWords>(served->id, is_base64(fields), read_dimensions(fields, model));
  VectorsAsked asked;
  asked.each.embed = true;
  asked.each.task = read_task(fields, "task", model);
  std::vector<PromptInput> inputs = read_inputs(fields, "input", model.vocab);
  for (PromptInput& input : inputs) {
    try {
      asked.prompts.push_back(vector_prompt(engine, std::move(input), "input"));
    } catch (const Error& error) {
      if (inputs.size() == 1) throw;
      throw of_entry(error, "input", asked.prompts.size());
    }
  }
  give_vectors(context, call, served, std::move(asked), std::move(words));
}

}  // namespace fulmar::api::openai
