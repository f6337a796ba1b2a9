// POST /embedding: vectors in llama.cpp's own form.
#include <fmt/format.h>

#include <cmath>

#include "answer/inputs.h"
#include "answer/vectors.h"
#include "api/llama/llama.h"

namespace fulmar::api::llama {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"content", text_or_list, "required", "A text, a list of texts, a list of token ids, or a list of such lists. None may be empty.", 0, 2048},
    {"input", text_or_list, "`content`", "Its other name.", 0, 2048},
    {"embd_normalize", integer, "2",
     "The norm that is 1 then: 2 is the length, 1 the sum of what the numbers are without their signs, above 2 the p-norm. 0: the largest is 32760. "
     "-1: as 2, for the model's vectors have that length.",
     -1, 64},
};

double norm_of(std::span<const float> vector, int64_t kind) {
  double sum = 0;
  for (const float x : vector) {
    const double size = std::abs(double{x});
    sum = kind == 0 ? std::max(sum, size / 32760) : sum + (kind == 1 ? size : std::pow(size, static_cast<double>(kind)));
  }
  return kind <= 1 ? sum : std::pow(sum, 1 / static_cast<double>(kind));
}

class Words final : public VectorWords {
 public:
  explicit Words(int64_t kind) : kind_(kind < 0 ? 2 : kind) {}

  void begin(std::string& out) override { out += '['; }

  void put(size_t index, std::span<const float> vector, std::string& out) override {
    std::vector<float> scaled(vector.begin(), vector.end());
    if (const double norm = norm_of(vector, kind_); norm > 0)
      for (float& x : scaled) x = static_cast<float>(x / norm);
    out += fmt::format(R"({}{{"index":{},"embedding":[)", index > 0 ? "," : "", index);
    append_numbers(out, scaled);
    out += "]}";
  }

  void end(const Usage&, std::string& out) override { out += ']'; }

 private:
  const int64_t kind_;
};

}  // namespace

constexpr FieldTable embedding_fields{"embedding", rows, {}};

constexpr Shape embedding_answer{"llama.cpp's vectors", R"([{"index": "integer", "embedding": [["number"]]}])"};

void embedding(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, embedding_fields);
  const std::string_view field = fields.find("content") ? "content" : fields.find("input") ? "input" : "content";
  auto words = std::make_unique<Words>(fields.integer("embd_normalize").value_or(2));
  VectorsAsked asked;
  asked.each.embed = true;
  for (PromptInput& input : read_inputs(fields, field, engine.model().vocab))
    asked.prompts.push_back(vector_prompt(engine, std::move(input), field));
  give_vectors(context, call, served, std::move(asked), std::move(words));
}

}  // namespace fulmar::api::llama
