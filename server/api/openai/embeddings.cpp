// POST /v1/embeddings: a vector for each text. The texts go through the engine's queue like other requests.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>

#include "answer/base64.h"
#include "answer/held.h"
#include "api/openai/inputs.h"
#include "api/openai/openai.h"
#include "base/json_text.h"

namespace fulmar::api::openai {
namespace {

constexpr uint64_t kTokensUnderWay = 16 << 10;  // of one body's texts, two texts in any case

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
  Text(Vectors& whole, size_t at, std::shared_ptr<const Prompt> its_prompt)
      : owner(whole), index(at), prompt(std::move(its_prompt)) {}
  void on_event(const Event& event) override;

  Vectors& owner;  // owns this
  const size_t index;
  std::shared_ptr<const Prompt> prompt;  // until it was read
  std::vector<float> vector;
  bool over = false;
};

// What a text holds in memory.
size_t bytes_of(const Text& text) {
  const size_t prompt = text.prompt ? sizeof(Prompt) + text.prompt->tokens.capacity() * sizeof(Token) : 0;
  return sizeof(Text) + prompt + text.vector.capacity() * sizeof(float);
}

// Hands the texts to the engine as others of them end, gathers the vectors and words them, as the reply is read.
class Vectors final : public http::Source, public std::enable_shared_from_this<Vectors> {
 public:
  Vectors(const Context& context, const Call& call, host::ServedPtr served, Form form, EmbeddingTask task,
          std::vector<std::shared_ptr<const Prompt>> prompts)
      : served_(std::move(served)),
        engine_(*served_->engine),
        form_(form),
        task_(task),
        model_(served_->id),
        family_(call.family),
        reply_(call.reply),
        left_(prompts.size()),
        held_(context.waiting_text) {
    for (std::shared_ptr<const Prompt>& prompt : prompts) {
      tokens_ += prompt->tokens.size();
      held_.change(bytes_of(texts_.emplace_back(*this, texts_.size(), std::move(prompt))), 0);
    }
    if (held_.too_much()) throw Held::too_much_error();
  }

  void start() {
    reply_->on_gone([weak = weak_from_this()] {
      if (const auto vectors = weak.lock()) vectors->close_all();
    });
    reply_->note({tokens_, 0});
    reply_->attach(shared_from_this());
    hand_over();
  }

  void on_event(Text& text, const Event& event) {
    if (event.finish == Finish::none) return;
    {
      const std::lock_guard lock(mutex_);
      if (text.over || error_) return;
      text.over = true;
      --left_;
      --under_way_;
      tokens_under_way_ -= text.prompt->tokens.size();
      take_vector(text, event);
      if (error_) close_all();
      if (error_ || left_ == 0) {
        reply_->wake();
        return;
      }
    }
    hand_over();
  }

  http::Reply::Part take() override {
    http::Reply::Part part;
    const std::lock_guard lock(mutex_);
    if (error_) return {http::worded(family_.wording, http::Failure(*error_)), false, {}, true};
    if (left_ > 0) return part;
    if (next_ == 0) part.bytes = R"({"object":"list","data":[)";
    for (; next_ < texts_.size() && part.bytes.size() < kPartBytes; ++next_) {
      Text& text = texts_[next_];
      put(text, part.bytes);
      const size_t before = bytes_of(text);
      std::vector<float>().swap(text.vector);
      held_.change(bytes_of(text), before);
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

  // With the lock held.
  void take_vector(Text& text, const Event& event) {
    const size_t before = bytes_of(text);
    text.prompt.reset();
    try {
      if (event.error)
        error_ = *event.error;
      else if (event.finish == Finish::failed)
        error_.emplace(ErrorKind::internal, "the text could not be read");
      else if (event.finish == Finish::cancelled)
        error_.emplace(ErrorKind::unavailable, "the server stopped before the answer was complete");
      else
        text.vector = shortened(event.embedding, form_.dimensions);
    } catch (...) {
      error_.emplace(ErrorKind::out_of_memory, "no memory");
    }
    held_.change(bytes_of(text), before);
    if (!error_ && held_.too_much()) error_ = Held::too_much_error();
  }

  // A few at a time: the others wait here and not in the engine's queue, which is everybody's, and a body of long texts
  // leaves slots free. Any thread; while one is at it the others leave it to that.
  void hand_over() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(handing_, true)) return;
    }
    while (Text* const text = next_to_hand()) {
      try {
        Request request;
        request.prompt = text->prompt;
        request.max_tokens = 0;
        request.embed = true;
        request.task = task_;
        engine_.submit({{std::move(request), {std::shared_ptr<Sink>(shared_from_this(), text)}}});
      } catch (const Error& error) {
        return take_back(*text, error);
      } catch (...) {
        return take_back(*text, Error(ErrorKind::out_of_memory, "no memory"));
      }
    }
  }

  // Null: no more now.
  Text* next_to_hand() {
    const std::lock_guard lock(mutex_);
    Text* const next = handed_ < texts_.size() && !error_ ? &texts_[handed_] : nullptr;
    const size_t tokens = next ? next->prompt->tokens.size() : 0;
    const bool few = under_way_ < 2 || tokens_under_way_ + tokens <= kTokensUnderWay;
    if (!next || !few || under_way_ >= 2 * size_t{engine_.model().slots}) {
      handing_ = false;
      return nullptr;
    }
    ++handed_;
    ++under_way_;
    tokens_under_way_ += tokens;
    return next;
  }

  // The engine did not take it. Where its queue is full, the next of ours that ends tries again.
  void take_back(const Text& text, const Error& error) {
    const std::lock_guard lock(mutex_);
    handing_ = false;
    --handed_;
    --under_way_;
    tokens_under_way_ -= text.prompt->tokens.size();
    if (error_ || (error.kind() == ErrorKind::busy && under_way_ > 0)) return;
    error_ = error;
    close_all();
    reply_->wake();
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

  const host::ServedPtr served_;
  Engine& engine_;
  const Form form_;
  const EmbeddingTask task_;
  const std::string model_;
  const Family& family_;
  const std::shared_ptr<http::Reply> reply_;
  uint64_t tokens_ = 0;
  std::deque<Text> texts_;

  std::mutex mutex_;
  size_t left_;              // texts without a vector
  size_t handed_ = 0;        // to the engine, the first ones
  size_t under_way_ = 0;     // of those: not read yet
  uint64_t tokens_under_way_ = 0;
  bool handing_ = false;     // a thread is at it
  size_t next_ = 0;          // to be worded
  bool begun_ = false;
  Held held_;                // what the texts take
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
  const auto word = fields.text("task");
  if (!word) return EmbeddingTask::retrieval;
  if (!model.embeds) unsupported("task", "is not supported: this model has one kind of vector");
  for (size_t i = 0; i < std::size(embedding_tasks); ++i)
    if (*word == embedding_tasks[i]) return static_cast<EmbeddingTask>(i);
  bad_field("task", "must be retrieval, similarity or classification");
}

}  // namespace

void embeddings(const Context& context, const Call& call) {
  // RWKV-Runner's clients have one word for whatever model there is.
  const host::ServedPtr served = context.standing.begun() ? context.ready_or_current(model_of(call)) : context.ready(model_of(call));
  Engine& engine = *served->engine;
  const Fields fields(call.body, embedding_fields);
  fields.refuse_unsupported();
  fields.text("model");
  const ModelInfo& model = engine.model();
  const Form form = read_form(fields, model);
  const EmbeddingTask task = read_task(fields, model);
  std::vector<std::shared_ptr<const Prompt>> prompts;
  std::vector<PromptInput> inputs = read_inputs(fields, "input", model.vocab);
  for (PromptInput& input : inputs) {
    input.embed = true;
    try {
      if (input.text.empty() && input.tokens.empty()) bad_field("input", "is an empty text, which has no vector");
      prompts.push_back(engine.prepare(input));
    } catch (const Error& error) {
      if (inputs.size() == 1) throw;
      throw of_entry(error, "input", prompts.size());
    }
  }
  std::make_shared<Vectors>(context, call, served, form, task, std::move(prompts))->start();
}

}  // namespace fulmar::api::openai
