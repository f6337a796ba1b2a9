// Hands texts to the engine as others of them end, and gathers the vectors. They go through the engine's queue like other
// requests.
#include "answer/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "answer/held.h"
#include "answer/json.h"

namespace fulmar::api {
namespace {

// Of one body's texts, two texts in any case.
constexpr uint64_t kTokensUnderWay = 16 << 10;

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
  Vectors(const Context& context, const Call& call, host::ServedPtr served, VectorsAsked asked, std::unique_ptr<VectorWords> words)
      : served_(std::move(served)),
        engine_(*served_->engine),
        judge_(asked.judged ? engine_.reranker() : nullptr),
        each_(std::move(asked.each)),
        words_(std::move(words)),
        family_(call.family),
        reply_(call.reply),
        left_(asked.prompts.size()),
        held_(context.waiting_text) {
    for (std::shared_ptr<const Prompt>& prompt : asked.prompts) {
      usage_.prompt += prompt->tokens.size();
      held_.change(bytes_of(texts_.emplace_back(*this, texts_.size(), std::move(prompt))), 0);
    }
    if (held_.too_much()) throw Held::too_much_error();
  }

  void start() {
    reply_->on_gone([weak = weak_from_this()] {
      if (const auto vectors = weak.lock()) vectors->close_all();
    });
    reply_->note({usage_.prompt, 0});
    reply_->attach(shared_from_this());
    hand_over();
  }

  void on_event(Text& text, const Event& event) {
    if (event.finish == Finish::none) return;
    const bool is_read = judge_ && !event.states.empty();  // its score will come as another event
    if (is_read && hand_to_judge(text, event)) return;
    {
      const std::lock_guard lock(mutex_);
      if (text.over || error_) return;
      if (is_read) error_.emplace(ErrorKind::unavailable, "the reranker could not take the text; try again later");
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
    if (next_ == 0) words_->begin(part.bytes);
    for (; next_ < texts_.size() && part.bytes.size() < kPartBytes; ++next_) {
      Text& text = texts_[next_];
      words_->put(text.index, text.vector, part.bytes);
      const size_t before = bytes_of(text);
      std::vector<float>().swap(text.vector);
      held_.change(bytes_of(text), before);
    }
    part.done = next_ == texts_.size();
    if (part.done) words_->end(usage_, part.bytes);
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
        keep(text, event);
    } catch (...) {
      error_.emplace(ErrorKind::out_of_memory, "no memory");
    }
    held_.change(bytes_of(text), before);
    if (!error_ && held_.too_much()) error_ = Held::too_much_error();
  }

  void keep(Text& text, const Event& event) {
    text.vector.assign(event.embedding.begin(), event.embedding.end());
    count(event);
  }

  void count(const Event& event) {
    usage_.cached += event.cached_tokens;
    usage_.times.waited = std::max(usage_.times.waited, event.times.waited);
    usage_.times.prompt = std::max(usage_.times.prompt, event.times.prompt);
  }

  // Of the engine's thread.
  bool hand_to_judge(Text& text, const Event& event) {
    try {
      Request request;
      request.prompt = one_token();
      request.streams.emplace_back().start = judge_->judged(*event.states[0]);
      request.max_tokens = 0;
      request.embed = true;
      request.use_prefix_cache = false;
      {
        const std::lock_guard lock(mutex_);
        count(event);
      }
      judge_->submit({{std::move(request), {std::shared_ptr<Sink>(shared_from_this(), &text)}}});
      return true;
    } catch (...) {
      return false;
    }
  }

  static std::shared_ptr<const Prompt> one_token() {
    static const auto prompt = [] {
      auto made = std::make_shared<Prompt>();
      made->tokens = {0};
      return made;
    }();
    return prompt;
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
        Request request = each_;
        request.prompt = text->prompt;
        request.max_tokens = 0;
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
    if (!next || !few || under_way_ >= most_under_way()) {
      handing_ = false;
      return nullptr;
    }
    ++handed_;
    ++under_way_;
    tokens_under_way_ += tokens;
    return next;
  }

  size_t most_under_way() const {
    const size_t most = 2 * size_t{engine_.model().slots};
    return judge_ ? std::min<size_t>(most, 2 + kStatesUnderWay / std::max<uint64_t>(1, engine_.model().state_bytes)) : most;
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

  const host::ServedPtr served_;
  Engine& engine_;
  Engine* const judge_;  // null: vectors are what is asked for
  const Request each_;
  const std::unique_ptr<VectorWords> words_;
  const Family& family_;
  const std::shared_ptr<http::Reply> reply_;
  Usage usage_;
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

}  // namespace

void give_vectors(const Context& context, const Call& call, const host::ServedPtr& served, VectorsAsked asked,
                  std::unique_ptr<VectorWords> words) {
  std::make_shared<Vectors>(context, call, served, std::move(asked), std::move(words))->start();
}

std::shared_ptr<const Prompt> vector_prompt(const Engine& engine, PromptInput input, std::string_view field) {
  if (input.text.empty() && input.tokens.empty()) bad_field(field, "is an empty text, which has no vector");
  input.embed = true;
  return engine.prepare(input);
}

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

void append_numbers(std::string& out, std::span<const float> vector) {
  out += '[';
  for (size_t i = 0; i < vector.size(); ++i) fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", vector[i]);
  out += ']';
}

EmbeddingTask read_task(const Fields& fields, std::string_view field, const ModelInfo& model) {
  const auto word = fields.text(field);
  if (!word) return EmbeddingTask::retrieval;
  if (!model.embeds) unsupported(field, "is not supported: this model has one kind of vector");
  for (size_t i = 0; i < std::size(embedding_tasks); ++i)
    if (*word == embedding_tasks[i]) return static_cast<EmbeddingTask>(i);
  bad_field(field, "must be retrieval, similarity or classification");
}

}  // namespace fulmar::api
