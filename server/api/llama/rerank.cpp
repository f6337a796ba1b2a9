// POST /rerank: how well texts answer a question, by the model's reranker, or by how near their vectors are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answer/vectors.h"
#include "api/llama/llama.h"
#include "base/json_text.h"

namespace fulmar::api::llama {
namespace {

using enum FieldType;

constexpr Field rows[] = {
    {"query", text, "required", "The question.", 0, 1 << 14},
    {"documents", list, "required", "The texts, or objects with a `text` each.", 0, 1024},
    {"texts", list, "`documents`", "Its name in Hugging Face's Text Embeddings Inference, in whose form the answer is then.", 0, 1024},
    {"top_n", integer, "all", "Only so many, the best.", 1, 1024, Above::clamped},
    {"return_documents", boolean, "false", "The texts in the answer as well."},
    {"return_text", boolean, "false", "Its name there."},
    {"instruction", text, "`Given a query, retrieve documents that answer the query`", "What a reranker is told to do.", 0, 1024},
    {"model", text, "", "The [model](switching.md); without `--models-dir` any name is the one there is.", 0, 1024},
};

constexpr Field document_rows[] = {
    {"text", text, "required", "The text."},
};

struct Form {
  std::string model;
  bool is_tei = false, with_texts = false, judged = false;
  size_t most = 0;
  std::vector<std::string> documents;
};

// What is scored first, then the best of it.
class Words final : public VectorWords {
 public:
  explicit Words(Form form) : form_(std::move(form)) {}

  void begin(std::string&) override {}

  // A reranker has a number for each; else the first vector is the query's.
  void put(size_t index, std::span<const float> vector, std::string&) override {
    if (form_.judged) {
      scores_.push_back(1 / (1 + std::exp(-double{vector[0]})));
    } else if (index == 0) {
      query_.assign(vector.begin(), vector.end());
    } else {
      double product = 0;
      for (size_t i = 0; i < vector.size(); ++i) product += double{query_[i]} * double{vector[i]};
      scores_.push_back(product);
    }
  }

  void end(const Usage& usage, std::string& out) override {
    std::vector<size_t> order(scores_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return scores_[i]; });
    order.resize(std::min(order.size(), form_.most));
    if (!form_.is_tei)
      out += fmt::format(R"({{"model":{},"object":"list","usage":{{"prompt_tokens":{},"total_tokens":{}}},"results":)", json_quoted(form_.model),
                         usage.prompt, usage.prompt);
    out += '[';
    for (const size_t i : order) put_result(i, i == order[0], out);
    out += form_.is_tei ? "]" : "]}";
  }

 private:
  void put_result(size_t i, bool is_first, std::string& out) const {
    out += is_first ? "{" : ",{";
    const std::string said = form_.with_texts ? json_quoted(form_.documents[i]) : std::string();
    if (form_.is_tei)
      out += fmt::format(R"("index":{},"score":{}{}{}}})", i, scores_[i], form_.with_texts ? ",\"text\":" : "", said);
    else
      out += fmt::format(R"("index":{},"relevance_score":{}{}{}{}}})", i, scores_[i], form_.with_texts ? R"(,"document":{"text":)" : "", said,
                         form_.with_texts ? "}" : "");
  }

  const Form form_;
  std::vector<float> query_;
  std::vector<double> scores_;
};

std::vector<std::string> read_documents(const Fields& fields, std::string_view field) {
  const json::array* const given = fields.list(field);
  if (!given) bad_field(field, "is missing");
  std::vector<std::string> documents;
  for (const json::value& one : *given) {
    const std::string name = fmt::format("{}[{}]", field, documents.size());
    const json::object* const object = one.if_object();
    const json::value* const said = object ? Fields(*object, document_fields, name + ".").find("text") : &one;
    if (!said) bad_field(name + ".text", "is missing");
    documents.push_back(string_of(*said, name));
    if (documents.back().empty()) bad_field(name, "is an empty text, which has no score");
  }
  return documents;
}

// The texts come first, so that what was read of them is there for the next question.
std::vector<std::shared_ptr<const Prompt>> judged_prompts(const Engine& engine, const Form& form, const std::string& query,
                                                          const std::string& instruction) {
  constexpr Token end = 65535;
  const auto tokens_of = [&](std::string words) {
    PromptInput input;
    input.text = std::move(words);
    return std::vector<Token>(engine.prepare(input)->tokens);
  };
  const std::vector<Token> question = tokens_of("Query: " + query);
  std::vector<std::shared_ptr<const Prompt>> prompts;
  for (const std::string& document : form.documents) {
    PromptInput input;
    input.tokens = tokens_of(fmt::format("Instruct: {}\nDocument: {}\n", instruction, document));
    const auto shared = static_cast<uint32_t>(input.tokens.size());
    input.tokens.insert(input.tokens.end(), question.begin(), question.end());
    input.tokens.push_back(end);
    auto prompt = std::make_shared<Prompt>(*engine.prepare(input));
    prompt->shared = shared;
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

constexpr Shape ranks_shape{"Jina's ranks", R"({
  "model": "text", "object": "=list", "usage": {"prompt_tokens": "integer", "total_tokens": "integer"},
  "results": [{"index": "integer", "relevance_score": "number", "document?": {"text": "text"}}]})"};
constexpr Shape inference_ranks_shape{"Hugging Face's ranks", R"([{"index": "integer", "score": "number", "text?": "text"}])"};

}  // namespace

constexpr Shape rerank_answer{"ranks", R"("@Jina's ranks|@Hugging Face's ranks")", {&ranks_shape, &inference_ranks_shape}};
constexpr Others rerank_others{{{{501, "The model writes texts and scores none, as its clients know it."}}}};
constexpr FieldTable rerank_fields{"rerank", rows, {}}, document_fields{"documents", document_rows, {}};

void rerank(const Context& context, const Call& call) {
  const host::ServedPtr served = context.ready(model_of(call));
  const Engine& engine = *served->engine;
  const Fields fields(call.body, rerank_fields);
  fields.text("model");
  const auto query = fields.text("query");
  if (!query) bad_field("query", "is missing");
  if (!engine.model().embeds) {
    const http::Failure failure(501, "this model writes texts and scores none: serve one that makes vectors, as EmbeddingRWKV's, with its reranker as --reranker FILE");
    return call.reply->respond(http::worded(call.family.wording, failure));
  }
  Form form;
  form.model = served->id;
  form.is_tei = fields.find("texts") != nullptr;
  form.with_texts = fields.boolean("return_documents").value_or(false) || fields.boolean("return_text").value_or(false);
  form.judged = engine.reranker() != nullptr;
  form.documents = read_documents(fields, form.is_tei ? "texts" : "documents");
  form.most = static_cast<size_t>(fields.integer("top_n").value_or(static_cast<int64_t>(form.documents.size())));
  VectorsAsked asked;
  if (form.judged) {
    asked.judged = asked.each.report_states = true;
    asked.prompts = judged_prompts(engine, form, *query, fields.text("instruction").value_or("Given a query, retrieve documents that answer the query"));
  } else {
    asked.each.embed = true;
    const auto add = [&](const std::string& words, std::string_view field) {
      PromptInput input;
      input.text = words;
      asked.prompts.push_back(vector_prompt(engine, std::move(input), field));
    };
    add(*query, "query");
    for (const std::string& document : form.documents) add(document, "documents");
  }
  give_vectors(context, call, served, std::move(asked), std::make_unique<Words>(std::move(form)));
}

}  // namespace fulmar::api::llama
