// POST /api/oai/embeds: the vectors of a text's chunks.
#include <fmt/format.h>

#include "answer/vectors.h"
#include "api/ai00/ai00.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace fulmar::api::ai00 {
namespace {

class EmbedWords final : public VectorWords {
 public:
  EmbedWords(std::string model, std::vector<std::string> chunks) : model_(std::move(model)), chunks_(std::move(chunks)) {}

  void begin(std::string& out) override {
    out += fmt::format(R"({{"object":"embeds","model":{},"data":[{{"object":"embed","index":0,"chunks":[)", json_quoted(model_));
  }

  void put(size_t index, std::span<const float> vector, std::string& out) override {
    out += fmt::format(R"({}{{"chunk":{},"embed":[)", index > 0 ? "," : "", json_quoted(chunks_[index]));
    append_numbers(out, vector);
    out += "]}";
  }

  void end(const Usage&, std::string& out) override { out += "]}]}"; }

 private:
  const std::string model_;
  const std::vector<std::string> chunks_;
};

constexpr size_t kChunks = 2048;  // docs/ai00.md has it

// Where a character would be cut, the chunk ends before the token that has its first byte.
std::vector<std::string> cut(const Engine& engine, const std::string& text, size_t most) {
  PromptInput input;
  input.text = text;
  const auto prompt = engine.prepare(input);
  const std::vector<Token>& tokens = prompt->tokens;
  std::vector<std::string> chunks;
  for (size_t begin = 0; begin < tokens.size();) {
    size_t count = std::min(most, tokens.size() - begin);
    std::string chunk = engine.text_of(std::span(tokens).subspan(begin, count));
    while (count > 1 && begin + count < tokens.size() && !is_utf8(chunk))
      chunk = engine.text_of(std::span(tokens).subspan(begin, --count));
    chunks.push_back(std::move(chunk));
    if (chunks.size() > kChunks) bad_field("input", fmt::format("has more than {} chunks of max_tokens", kChunks));
    begin += count;
  }
  return chunks;
}

}  // namespace

constexpr Shape embed_answer{"ai00's vectors", R"({
  "object": "=embeds", "model": "text",
  "data": [{"object": "=embed", "index": "integer", "chunks": [{"chunk": "text", "embed": [["number"]]}]}]})"};

void embeds(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready_or_current(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, embed_fields);
  const auto text = fields.text("input");
  if (!text) bad_field("input", "is missing");
  const std::string prefix = fields.text("prefix").value_or("");
  std::vector<std::string> chunks = cut(engine, *text, static_cast<size_t>(fields.integer("max_tokens").value_or(510)));
  VectorsAsked asked;
  asked.each.embed = true;
  for (const std::string& chunk : chunks) {
    PromptInput input;
    input.text = prefix + chunk;
    asked.prompts.push_back(vector_prompt(engine, std::move(input), "input"));
  }
  auto words = std::make_unique<EmbedWords>(served->id, std::move(chunks));
  give_vectors(context, call, served, std::move(asked), std::move(words));
}

}  // namespace fulmar::api::ai00
