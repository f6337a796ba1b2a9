// Vectors of texts: read by the engine a few at a time, and worded as the reply is read.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "answer/dialect.h"
#include "answer/fields.h"
#include "answer/row.h"
#include "fulmar/request.h"

namespace fulmar::api {

constexpr uint64_t kStatesUnderWay = uint64_t{256} << 20;  // bytes of one answer's, on their way to a reranker; docs/http-api.md has it

// From numbers to bytes; one object an answer, which says them in order. All calls append to `out`.
class VectorWords {
 public:
  virtual ~VectorWords() = default;
  virtual void begin(std::string& out) = 0;
  virtual void put(size_t index, std::span<const float> vector, std::string& out) = 0;
  virtual void end(const Usage& usage, std::string& out) = 0;
};

struct VectorsAsked {
  std::vector<std::shared_ptr<const Prompt>> prompts;
  Request each;  // as which each of them is read; its prompt and max_tokens are filled in
  bool judged = false;  // what comes of a text is not a vector, but what the model's reranker makes of its state: one number
};

// Returns at once. Throws Error(unavailable) where there is no memory for it because of answers that nobody reads.
void give_vectors(const Context& context, const Call& call, const host::ServedPtr& served, VectorsAsked asked,
                  std::unique_ptr<VectorWords> words);

// A text of that field, ready to be read. Throws Error(bad_request) for what has no vector.
std::shared_ptr<const Prompt> vector_prompt(const Engine& engine, PromptInput input, std::string_view field);

// The first of a vector's numbers, at length 1 again; 0 dimensions: all.
std::vector<float> shortened(std::span<const float> vector, size_t dimensions);

// "[0.5,1]"
void append_numbers(std::string& out, std::span<const float> vector);

// What the vectors are for, by the table's field of that name. Throws Error(bad_request) or Error(unsupported).
EmbeddingTask read_task(const Fields& fields, std::string_view field, const ModelInfo& model);

}  // namespace fulmar::api
