// The engine thread: takes requests from the queue into slots and runs steps until there is nothing left to
// do.
//
// A step: orders and closed sinks first, a change of the model once nothing is under way, then free slots
// take the requests whose turn it is (queue.h), then every live slot gives its decode row or a part of its prompt
// (scheduler.h), the model computes all rows at once, and each picked row becomes a token of its request
// (drawing.h, generation.h). What was drawn is told the sinks while the model computes the next step. All of it
// happens on one thread, but for the drawing, whose team it waits for; only the queue, the counters and the
// sinks are shared with others.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>
#include <optional>
#include <thread>

#include "base/fail.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "engine/drawing.h"
#include "engine/generation.h"
#include "engine/make_engine.h"
#include "engine/model_template.h"
#include "engine/prompt.h"
#include "engine/queue.h"
#include "engine/scheduler.h"
#include "engine/text_vector.h"
#include "model/load.h"
#include "model/vocabulary.h"

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;

class ModelEngine final : public Engine {
 public:
  ModelEngine(std::unique_ptr<Model> model, std::shared_ptr<const Tokenizer> tokenizer,
              const EngineOptions& options, ModelInfo info, TemplateChoice chat)
      : info_(std::move(info)),
        chat_(std::move(chat)),
        thinking_budget_(options.thinking_budget),
        tokenizer_(std::move(tokenizer)),
        model_(std::move(model)),
        vocab_(model_->config().V),
        budget_{model_->max_rows(), model_->max_picks()},
        max_prompt_tokens_(options.max_prompt_tokens),
        queue_(options.queue, options.queue_tokens),
        slots_(model_->slots()),
        drawing_(model_->config().outputs(), model_->slots(), model_->team()) {
    for (auto slot = static_cast<uint32_t>(slots_.size()); slot > 0; --slot) free_.push_back(slot - 1);
    order_.reserve(slots_.size());
    demands_.reserve(slots_.size());
    tokens_.reserve(budget_.rows);
    leaving_.reserve(slots_.size());
    thread_ = std::thread([this] { run(); });
  }

  ~ModelEngine() override {
    queue_.refuse("the engine has shut down");
    queue_.give(Order::quit);
    thread_.join();
  }

  std::shared_ptr<const Prompt> prepare(const PromptInput& input) const override {
    std::shared_ptr<const Prompt> prompt;
    if (input.messages.empty() || input.chat.thinking_budget || !thinking_budget_) {
      prompt = make_prompt(input, *tokenizer_, vocab_, max_prompt_tokens_, chat_);
    } else {
      PromptInput bounded = input;
      bounded.chat.thinking_budget = thinking_budget_;
      prompt = make_prompt(bounded, *tokenizer_, vocab_, max_prompt_tokens_, chat_);
    }
    return input.embed && model_->config().embeds ? ended(*prompt) : prompt;
  }

  void submit(std::vector<Submission> all) override {
    for (const Submission& submission : all)
      if (model_->config().embeds && !submission.request.embed)
        fail(ErrorKind::unsupported, "this model makes vectors of texts (POST /v1/embeddings) and writes none");
    queue_.push(make_jobs(std::move(all), *tokenizer_, vocab_));
  }

  const ModelInfo& model() const override { return info_; }

  EngineStats stats() const override {
    return {steps_.load(), prompt_tokens_.load(), completion_tokens_.load(), live_.load(), queue_.size()};
  }

  std::string trouble() const override { return queue_.refusal(); }

  void set_adapters(const std::vector<Adapter>& adapters, double seconds) override {
    queue_.call([&] { change_adapters(adapters); }, seconds);
  }

  void drain(double seconds) override {
    constexpr double until_done = 1e9;
    queue_.refuse("the server is shutting down");
    if (queue_.wait_idle(seconds)) return;
    queue_.give(Order::cancel);
    queue_.wait_idle(until_done);
  }

 private:
  // What makes vectors was trained on texts that end so.
  static std::shared_ptr<const Prompt> ended(const Prompt& prompt) {
    auto longer = std::make_shared<Prompt>(prompt);
    const auto inside = std::find(longer->tokens.begin(), longer->tokens.end() - 1, EmbeddingHeads::end_token);
    if (inside != longer->tokens.end() - 1)
      refuse_field("input", "the end token {} stands inside of a text, and only its end is read", EmbeddingHeads::end_token);
    if (longer->tokens.back() != EmbeddingHeads::end_token) longer->tokens.push_back(EmbeddingHeads::end_token);
    return longer;
  }

  void run() {
    for (bool goes_on = true; goes_on;) {
      try {
        goes_on = turn();
      } catch (...) {  // no memory even for a sentence
        end_all(Finish::failed, nullptr);
      }
    }
  }

  // False where it was the last.
  bool turn() {
    const Order order = queue_.next(order_.empty());
    if (order != Order::run) end_all(Finish::cancelled, nullptr);
    if (order == Order::quit) {
      const Error gone(ErrorKind::unavailable, "the engine has shut down");
      queue_.answer_call(&gone);
      return false;
    }
    drop_closed();
    if (!queue_.has_call())
      admit();
    else if (order_.empty())
      queue_.answer_call();
    if (order_.empty()) return true;
    try {
      step();
    } catch (...) {
      fail_step(as_error(std::current_exception()));
    }
    return true;
  }

  void change_adapters(const std::vector<Adapter>& adapters) {
    try {
      model_->set_adapters(adapters);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::device_lost) lose_device(error);
      if (error.kind() == ErrorKind::internal)
        queue_.refuse(fmt::format("{}; restart the server", error.what()));
      throw;
    }
  }

  // Clients that went away: their slots are free from here on, and soon their places in the queue, which may be
  // too long to be read for every step.
  void drop_closed() {
    constexpr std::chrono::milliseconds seldom(50);
    if (const Clock::time_point now = Clock::now(); now - looked_ >= seldom) {
      looked_ = now;
      while (queue_.pop_closed()) {
      }
    }
    release_where([](const Generation& one) { return one.closed(); });
  }

  void admit() {
    if (const std::string file = watch_.news(); !file.empty())
      log_warning(
          "{}: the file changed while it is in use, so answers may be wrong from here on: restart, and "
          "replace a "
          "model by renaming the new file over it",
          file);
    while (!free_.empty()) {
      std::optional<Job> job = queue_.pop(free_.back());
      if (!job) return;
      const std::shared_ptr<Sink> sink = job->sink;
      if (sink->closed()) continue;
      const uint32_t slot = free_.back();
      try {
        model_->reset_slot(slot);
        slots_[slot] = std::make_unique<Generation>(std::move(*job), tokenizer_, vocab_, model_->heads());
        free_.pop_back();
        order_.push_back(slot);
        live_ = static_cast<uint32_t>(order_.size());
      } catch (...) {
        const Error error = as_error(std::current_exception());
        send_end(*sink, Finish::failed, &error);
        if (error.kind() == ErrorKind::device_lost) return lose_device(error);
      }
    }
  }

  void step() {
    planned_ = false;
    demands_.clear();
    for (uint32_t slot : order_) demands_.push_back(slots_[slot]->demand(slot));
    plan_step(demands_, budget_, plan_);
    planned_ = true;
    tokens_.clear();
    uint64_t prompt_rows = 0;
    for (const ops::Segment& segment : plan_.segments)
      if (slots_[segment.slot]->feed(segment.rows, tokens_)) prompt_rows += segment.rows;

    const uint64_t step = ++steps_;
    const Clock::time_point begun = Clock::now();
    model_->start({tokens_, plan_.segments, plan_.picks});
    deliver();
    const std::span<float> logits = model_->finish();
    prompt_tokens_ += prompt_rows;
    log_debug("step {}: {} rows of {} sequences, {} picked, {:.2f} ms in the model", step, tokens_.size(),
              plan_.segments.size(), plan_.picks.size(),
              std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
    const uint64_t before = drawn();
    drawing_.draw(plan_, logits, slots_, step);
    completion_tokens_ += drawn() - before;
    embed();
    release_where([](const Generation& one) { return one.done(); });
  }

  // Those that have read a text whose vector is wanted, before their slots are free.
  void embed() {
    for (const uint32_t slot : order_) {
      if (!slots_[slot]->wants_vector()) continue;
      state_.resize(model_->state_floats());
      model_->read_slot(slot, state_);
      slots_[slot]->embed(state_vector(model_->config(), state_));
    }
  }

  uint64_t drawn() const {
    uint64_t sum = 0;
    for (const uint32_t slot : order_) sum += slots_[slot]->drawn();
    return sum;
  }

  // Tells the sinks what the last step drew: while the next one is under way, or at once where there is none.
  void deliver() noexcept {
    for (const uint32_t slot : order_) slots_[slot]->deliver();
    for (const std::unique_ptr<Generation>& one : leaving_) one->deliver();
    leaving_.clear();
  }

  // The states of the slots that took part are unknown now; the others' are whole. Where the step could not
  // even be planned, nobody can go on.
  void fail_step(const Error& error) {
    deliver();
    if (error.kind() == ErrorKind::device_lost) return lose_device(error);
    log_error("step {} failed: {}", steps_.load(), error.what());
    release_where([&](Generation& one) {
      const auto is_its = [&](const ops::Segment& segment) { return slots_[segment.slot].get() == &one; };
      const bool took_part = !planned_ || std::ranges::any_of(plan_.segments, is_its);
      if (took_part) one.end(Finish::failed, steps_, &error);
      return took_part;
    });
  }

  // Fails what is under way or waits, and sets the device up again: once, and once more for each time that it
  // has worked for a minute since.
  void lose_device(const Error& error) {
    log_error("the device was lost: {}", error.what());
    queue_.pause(fmt::format("the device was lost ({}) and is being set up again", error.what()));
    end_all(Finish::failed, &error);
    try {
      if (rebuilt_ && Clock::now() - *rebuilt_ < std::chrono::minutes(1))
        fail(ErrorKind::device_lost, "that was the second time within a minute");
      rebuild();
      rebuilt_ = Clock::now();
      log_info("the device is back: requests are taken again");
      queue_.resume();
    } catch (...) {
      const Error why = as_error(std::current_exception());
      log_error("the device stays lost: {}", why.what());
      queue_.refuse(fmt::format("the device was lost ({}) and is not back ({}); restart the server",
                                error.what(), why.what()));
    }
  }

  // A driver that starts again may refuse for some seconds.
  void rebuild() {
    const auto checkpoint = [this] {
      if (queue_.refuses_for_good()) fail(ErrorKind::unavailable, "the server is shutting down");
    };
    for (const Clock::time_point begun = Clock::now();;) {
      try {
        return model_->rebuild(checkpoint);
      } catch (const Error& error) {
        const bool may_pass = error.kind() == ErrorKind::device_lost || error.kind() == ErrorKind::internal;
        if (!may_pass || Clock::now() - begun > std::chrono::seconds(10)) throw;
        log_warning("the device is not back yet: {}", error.what());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      checkpoint();
    }
  }

  void end_all(Finish finish, const Error* error) {
    deliver();
    release_where([&](Generation& one) {
      one.end(finish, steps_, error);
      return true;
    });
    while (std::optional<Job> job = queue_.pop()) send_end(*job->sink, finish, error);
  }

  // For a request that never had a slot.
  void send_end(Sink& sink, Finish finish, const Error* error) {
    Event event;
    event.finish = finish;
    event.step = steps_;
    event.error = error;
    send(sink, event);
  }

  // Frees the slots of requests for which over(slot) holds. Those that are done still have news.
  template <class Over>
  void release_where(const Over& over) {
    std::erase_if(order_, [&](uint32_t slot) {
      if (!over(*slots_[slot])) return false;
      leaving_.push_back(std::move(slots_[slot]));
      free_.push_back(slot);
      queue_.leave(slot);
      return true;
    });
    live_ = static_cast<uint32_t>(order_.size());
    if (order_.empty()) deliver();
  }

  const ModelInfo info_;
  const TemplateChoice chat_;
  const std::optional<uint32_t> thinking_budget_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<Model> model_;
  const uint32_t vocab_;
  const StepBudget budget_;
  const uint32_t max_prompt_tokens_;
  Queue queue_;

  // The engine thread's own.
  std::vector<std::unique_ptr<Generation>> slots_;
  std::vector<uint32_t> free_;   // slots without a request
  std::vector<uint32_t> order_;  // the others, in order of arrival
  std::vector<Demand> demands_;  // reused by every step, as the following
  StepPlan plan_;
  bool planned_ = false;        // plan_ is this step's
  std::vector<Token> tokens_;   // [rows]
  std::vector<float> state_;    // of the slot whose text is embedded
  std::vector<std::unique_ptr<Generation>> leaving_;  // out of their slots, perhaps with news
  Drawing drawing_;
  FileWatch watch_;
  std::optional<Clock::time_point> rebuilt_;
  Clock::time_point looked_;  // for closed sinks in the queue

  std::atomic<uint64_t> steps_{0}, prompt_tokens_{0}, completion_tokens_{0};
  std::atomic<uint32_t> live_{0};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(std::unique_ptr<Model> model, std::shared_ptr<const Tokenizer> tokenizer,
                                    const EngineOptions& options, ModelInfo info, TemplateChoice chat) {
  const uint32_t vocab = model->config().V;
  if (options.model.vocab.empty()) check_fits(*tokenizer, vocab);
  if (model->config().embeds && vocab <= static_cast<uint32_t>(EmbeddingHeads::end_token))
    fail(ErrorKind::bad_file, "this model makes vectors, its vocabulary of {} has no end token {}", vocab,
         EmbeddingHeads::end_token);
  if (options.queue == 0) fail(ErrorKind::misuse, "the queue must hold at least one request");
  require(model->slots() > 0 && model->max_rows() >= model->slots(), "{} slots and {} rows a step",
          model->slots(), model->max_rows());
  return std::make_unique<ModelEngine>(std::move(model), std::move(tokenizer), options, std::move(info),
                                       std::move(chat));
}

std::unique_ptr<Engine> Engine::create(const EngineOptions& options) {
  pick_template({}, options.model.chat_template);  // a wrong name costs no loading
  LoadedParts parts = load_parts(options.model);
  TemplateChoice chat = template_of(parts.folder, *parts.tokenizer, options.model.chat_template);
  parts.info.chat_template = {chat.name, chat.found};
  log_info("chat template: {}, from {}", chat.name, chat.found);
  return make_engine(std::move(parts.model), std::move(parts.tokenizer), options, std::move(parts.info),
                     std::move(chat));
}

}  // namespace fulmar
