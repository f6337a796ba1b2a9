// POST /v1/embeddings: a vector for each text. The texts go through the engine's queue like other requests.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>

#include "answer/answer.h"
#include "answer/base64.h"
#include "api/openai/inputs.h"
#include "api/openai/openai.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

struct Form {
  bool base64 = false;
  size_t dimensions = 0;  // 0: all
};

// The first of a vector's numbers, at length 1 again.
std::vector<float> shortened(std::span<const float> vector, size_t dimensions) {
  std::vector<float> out(vector.begin(), vector.end());
  if (dimensions == 0 || dimensions >= out.size()) return out;
  out.resize(dimensions);
  double square = 0;
  for (const float x : out) square += double{x} * double{x};
  if (square > 0)
    for (float& x : out) x = static_cast<float>(x / std::sqrt(square));
  return out;
}

class Vectors;

struct Text final : Sink {
  Text(Vectors& whole, size_t at) : owner(whole), index(at) {}
  void on_event(const Event& event) override;

  Vectors& owner;  // owns this
  const size_t index;
  std::vector<float> vector;
  bool over = false;
};

// Gathers the vectors and words them, as the reply is read.
class Vectors final : public http::Source, public std::enable_shared_from_this<Vectors> {
 public:
  Vectors(size_t texts, uint64_t tokens, Form form, const std::string& model, const Call& call)
      : form_(form), model_(model), tokens_(tokens), family_(call.family), reply_(call.reply), left_(texts) {
    for (size_t i = 0; i < texts; ++i) texts_.emplace_back(*this, i);
  }

  void start(Engine& engine, std::vector<Request> requests) {
    const auto self = shared_from_this();
    reply_->on_gone([weak = weak_from_this()] {
      if (const auto vectors = weak.lock()) vectors->close_all();
    });
    reply_->note({tokens_, 0});
    std::vector<Submission> all;
    for (Request& request : requests)
      all.push_back({std::move(request), {std::shared_ptr<Sink>(self, &texts_[all.size()])}});
    engine.submit(std::move(all));
    reply_->attach(self);
  }

  void on_event(Text& text, const Event& event) {
    if (event.finish == Finish::none) return;
    const std::lock_guard lock(mutex_);
    if (text.over || error_) return;
    text.over = true;
    try {
      if (event.finish == Finish::failed)
        error_ = event.error ? *event.error : Error(ErrorKind::internal, "the text could not be read");
      else if (event.finish == Finish::cancelled)
        error_.emplace(ErrorKind::unavailable, "the server stopped before the answer was complete");
      else
        text.vector = shortened(event.embedding, form_.dimensions);
    } catch (...) {
      error_.emplace(ErrorKind::out_of_memory, "no memory");
    }
    --left_;
    if (error_) close_all();
    if (error_ || left_ == 0) reply_->wake();
  }

  http::Reply::Part take() override {
    http::Reply::Part part;
    {
      const std::lock_guard lock(mutex_);
      if (error_) return {http::worded(family_.wording, http::Failure(*error_)), false, {}, true};
      if (left_ > 0) return part;
    }
    if (next_ == 0) part.bytes = R"({"object":"list","data":[)";
    for (; next_ < texts_.size() && part.bytes.size() < kPartBytes; ++next_) {
      put(texts_[next_], part.bytes);
      std::vector<float>().swap(texts_[next_].vector);
    }
    part.done = next_ == texts_.size();
    if (part.done)
      part.bytes += fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})", json_quoted(model_),
                                tokens_, tokens_);
    part.streamed = begun_ || !part.done;
    if (!std::exchange(begun_, true)) part.head.emplace();
    if (!part.streamed) part.head->body = std::exchange(part.bytes, {});
    return part;
  }

 private:
  void close_all() {
    for (Text& text : texts_) text.close();
  }

  void put(const Text& text, std::string& out) const {
    out += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", text.index > 0 ? "," : "", text.index);
    if (form_.base64) {
      out.append("\"").append(base64_floats(text.vector)).append("\"}");
      return;
    }
    for (size_t i = 0; i < text.vector.size(); ++i)
      fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? '[' : ',', text.vector[i]);
    out += text.vector.empty() ? "[]}" : "]}";
  }

  const Form form_;
  const std::string model_;
  const uint64_t tokens_;
  const Family& family_;
  const std::shared_ptr<http::Reply> reply_;
  std::deque<Text> texts_;
  size_t next_ = 0;  // of whoever takes
  bool begun_ = false;

  std::mutex mutex_;
  size_t left_;
  std::optional<Error> error_;
};

void Text::on_event(const Event& event) {
  owner.on_event(*this, event);
}

Form read_form(const Fields& fields, const ModelInfo& model) {
  Form form;
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") bad_field("encoding_format", "must be float or base64");
  form.base64 = format == "base64";
  if (const auto dimensions = fields.integer("dimensions")) {
    if (*dimensions > model.channels)
      bad_field("dimensions", fmt::format("is {}, this model's vectors have {}", *dimensions, model.channels));
    form.dimensions = static_cast<size_t>(*dimensions);
  }
  return form;
}

EmbeddingTask read_task(const Fields& fields, const ModelInfo& model) {
  constexpr std::pair<std::string_view, EmbeddingTask> tasks[] = {{"retrieval", EmbeddingTask::retrieval},
                                                                  {"similarity", EmbeddingTask::similarity},
                                                                  {"classification", EmbeddingTask::classification}};
  const auto word = fields.text("task");
  if (!word) return EmbeddingTask::retrieval;
  if (!model.embeds) unsupported("task", "is not supported: this model has one kind of vector");
  for (const auto& [name, task] : tasks)
    if (*word == name) return task;
  bad_field("task", "must be retrieval, similarity or classification");
}

}  // namespace

void embeddings(const Context& context, const Call& call) {
  Engine& engine = context.ready();
  const Fields fields(call.body, embedding_fields);
  fields.refuse_unsupported();
  fields.text("model");
  const ModelInfo& model = engine.model();
  const Form form = read_form(fields, model);
  const EmbeddingTask task = read_task(fields, model);
  std::vector<Request> requests;
  uint64_t tokens = 0;
  for (PromptInput& input : read_inputs(fields, "input", model.vocab)) {
    if (input.text.empty() && input.tokens.empty()) bad_field("input", "has an empty text, which has no vector");
    input.embed = true;
    Request& request = requests.emplace_back();
    request.prompt = engine.prepare(input);
    request.max_tokens = 0;
    request.embed = true;
    request.task = task;
    tokens += request.prompt->tokens.size();
  }
  std::make_shared<Vectors>(requests.size(), tokens, form, model.id, call)->start(engine, std::move(requests));
}

}  // namespace fulmar::api::openai
