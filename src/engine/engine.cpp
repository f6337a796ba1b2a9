// What any thread may ask of the engine; the engine's own thread is loop.h's.
#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <optional>
#include <thread>

#include "base/fail.h"
#include "base/log.h"
#include "base/pages.h"
#include "engine/constraints.h"
#include "engine/loop.h"
#include "engine/make_engine.h"
#include "engine/mixture.h"
#include "engine/model_template.h"
#include "engine/prompt.h"
#include "engine/queue.h"
#include "model/fingerprint.h"
#include "model/load.h"
#include "model/vocabulary.h"
#include "rwkv/state.h"
#include "rwkv/state_file.h"

namespace fulmar {
namespace {

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
        vocabulary_(hash_of(*tokenizer_)),
        constraints_(tokenizer_, vocab_),
        max_prompt_tokens_(options.max_prompt_tokens),
        sessions_(options.sessions ? options.sessions : StateStore::open({})),
        limits_{vocab_, model_->slots(), its_fingerprint(), model_->state_floats(), options.model.reproducible,
                uint64_t{prompts_fed} * max_prompt_tokens_, !options.model.state.empty()},
        queue_(options.queue, options.queue_tokens),
        loop_(*model_, tokenizer_, *sessions_, queue_, counters_, limits_,
              options.prefix_cache.value_or(available_memory() / 8)),
        store_news_(sessions_->subscribe([this] { queue_.wake(); })),
        thread_([this] { loop_.run(); }) {}

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
    return input.embed && model_->config().embeds && !info_.ranks ? ended(*prompt) : prompt;
  }

  std::shared_ptr<const Constraint> constrain(const ConstraintInput& input) const override {
    return constraints_.get(input);
  }

  void submit(std::vector<Submission> all) override {
    for (const Submission& submission : all)
      if (!submission.request.embed && submission.request.max_tokens > 0) refuse_vectors(model_->config());
    queue_.push(make_jobs(std::move(all), *tokenizer_, limits()));
  }

  StateStore& sessions() const override { return *sessions_; }
  void check(const State& state) const override { check_state(state, limits()); }
  void check_brought(const State& state) const override {
    check(state);
    if (state.unfed.size() > max_prompt_tokens_)
      refuse_field("state",
                   "{} of its tokens were not read yet, more than the {} that --max-prompt-tokens allows: take the file that "
                   "GET /state/export makes, which has none, or raise that",
                   state.unfed.size(), max_prompt_tokens_);
  }
  StatePtr mix(std::span<const StatePtr> states, std::span<const float> weights) const override {
    if (model_->config().version == rwkv::Version::v4)
      fail(ErrorKind::unsupported, "states of RWKV v4 are running maxima, which no sum makes sense of");
    return mix_states(states, weights, limits());
  }
  StatePtr tuned_state(const std::string& file, const std::string& order) const override {
    auto state = std::make_shared<State>();
    state->model = limits().model;
    state->floats = rwkv::tuned_floats({file, rwkv::parse_state_order(order)}, model_->config(), info_.path);
    if (!std::ranges::all_of(state->floats, [](float value) { return std::isfinite(value); }))
      fail(ErrorKind::bad_file, "{} has numbers that are none, or infinite, and is no state", file);
    for (const float value : state->floats) state->hash.add(std::bit_cast<Token>(value));
    return state;
  }
  Engine* reranker() const override { return reranker_.get(); }
  // Its recurrence goes on from what the other model's layers have of the text; nothing came before its one token.
  StatePtr judged(const State& read) const override {
    const rwkv::Config& config = model_->config();
    if (!info_.ranks || read.floats.size() != limits().state_floats)
      fail(ErrorKind::bad_request, "the state is none that {} scores", info_.id);
    auto state = std::make_shared<State>();
    state->model = limits().model;
    state->floats = read.floats;
    for (uint32_t layer = 0; layer < config.L; ++layer) {
      const rwkv::LayerState at = rwkv::layer_state(config, layer);
      std::fill_n(state->floats.begin() + at.att_x, config.C, 0.0f);
      std::fill_n(state->floats.begin() + at.ffn_x, config.C, 0.0f);
    }
    return state;
  }
  void take_reranker(std::unique_ptr<Engine> reranker) {
    const ModelInfo &own = info_, &other = reranker->model();
    if (!own.embeds || other.state_bytes != own.state_bytes || other.layers != own.layers || other.channels != own.channels)
      fail(ErrorKind::bad_file, "{}: scores what a model of {} layers and {} channels that makes vectors has read, and {} is none",
           other.path, other.layers, other.channels, own.path);
    reranker_ = std::move(reranker);
  }
  std::string text_of(std::span<const Token> tokens) const override { return tokenizer_->decode(tokens); }
  std::function<std::string(Token)> speller() const override {
    return [tokenizer = tokenizer_](Token token) { return std::string(tokenizer->bytes(token)); };
  }
  bool spells(const Fingerprint& model) const override { return is_of_vocabulary(model, vocabulary_); }

  const ModelInfo& model() const override { return info_; }
  Fingerprint fingerprint() const override { return limits().model; }

  EngineStats stats() const override {
    return {.steps = counters_.steps,
            .prompt_tokens = counters_.prompt_tokens,
            .completion_tokens = counters_.completion_tokens,
            .live = counters_.live,
            .queued = queue_.size(),
            .cached_tokens = counters_.cached_tokens,
            .prefix_hits = counters_.prefix_hits,
            .prefix_misses = counters_.prefix_misses,
            .prefix_bytes = counters_.prefix_bytes,
            .prefix_states = counters_.prefix_states};
  }

  EngineMeasures measures() const override {
    EngineMeasures all{counters_.queue_seconds.values(), counters_.step_seconds.values(), counters_.device_seconds.values(),
                       counters_.step_tokens.values(), {}};
    const std::lock_guard lock(counters_.memory_mutex);
    all.memory = counters_.memory;
    return all;
  }

  std::string trouble() const override { return queue_.refusal(); }

  void set_adapters(const std::vector<Adapter>& adapters, double seconds) override {
    const auto change = [&] {
      loop_.change_adapters(adapters);
      const Fingerprint now = its_fingerprint();
      loop_.change_model(now);
      std::lock_guard lock(limits_mutex_);
      limits_.model = now;
    };
    queue_.call(change, seconds);
  }

  void drain(double seconds, const std::string& why) override {
    constexpr double until_done = 1e9;
    queue_.refuse(why);
    if (!queue_.wait_idle(seconds)) {
      queue_.give(Order::cancel);
      queue_.wait_idle(until_done);
    }
    if (reranker_) reranker_->drain(seconds, why);
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

  // Of weights, adapters and vocabulary.
  Fingerprint its_fingerprint() const { return joined(model_->fingerprint(), vocabulary_); }

  JobLimits limits() const {
    std::lock_guard lock(limits_mutex_);
    return limits_;
  }

  const ModelInfo info_;
  const TemplateChoice chat_;
  const std::optional<uint32_t> thinking_budget_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<Model> model_;
  const uint32_t vocab_;
  const Bytes16 vocabulary_;  // a hash of it
  mutable Constraints constraints_;
  const uint32_t max_prompt_tokens_;
  const std::shared_ptr<StateStore> sessions_;
  mutable std::mutex limits_mutex_;
  JobLimits limits_;
  Counters counters_;
  Queue queue_;
  Loop loop_;
  Subscription store_news_;
  std::unique_ptr<Engine> reranker_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Engine> make_engine(std::unique_ptr<Model> model, std::shared_ptr<const Tokenizer> tokenizer,
                                    const EngineOptions& options, ModelInfo info, TemplateChoice chat) {
  const uint32_t vocab = model->config().V;
  if (options.model.vocab.empty()) check_fits(*tokenizer, vocab);
  if (options.queue == 0) fail(ErrorKind::misuse, "the queue must hold at least one request");
  require(model->slots() > 0 && model->max_rows() >= model->slots(), "{} slots and {} rows a step",
          model->slots(), model->max_rows());
  return std::make_unique<ModelEngine>(std::move(model), std::move(tokenizer), options, std::move(info),
                                       std::move(chat));
}

bool Engine::fits_beside(const EngineOptions& options) {
  pick_template({}, options.model.chat_template);
  return fits_beside_others(options.model);
}

namespace {

std::unique_ptr<Engine> create_one(const EngineOptions& options, bool as_reranker) {
  pick_template({}, options.model.chat_template);  // a wrong name costs no loading
  LoadedParts parts = load_parts(options.model);
  if (parts.info.ranks && !as_reranker)
    fail(ErrorKind::bad_file, "{}: is a reranker: serve the model whose states it scores, and name this with --reranker", options.model.file);
  if (!parts.info.ranks && as_reranker) fail(ErrorKind::bad_file, "{}: is no reranker", options.model.file);
  TemplateChoice chat;
  if (options.chats && !parts.info.embeds) {
    chat = template_of(parts.folder, *parts.tokenizer, options.model.chat_template);
    parts.info.chat_template = {chat.name, chat.found};
    log_info("chat template: {}, from {}", chat.name, chat.found);
  }
  return make_engine(std::move(parts.model), std::move(parts.tokenizer), options, std::move(parts.info),
                     std::move(chat));
}

// What scores has one token, which stands for nothing.
std::unique_ptr<Engine> create_reranker(const EngineOptions& options) {
  EngineOptions other = options;
  other.model.file = other.model.reranker;
  other.model.vocab = "bytes";
  other.model.name = other.model.state = other.model.reranker = {};
  other.model.adapters.clear();
  other.chats = false;
  other.sessions = nullptr;
  other.prefix_cache = 0;
  return create_one(other, true);
}

}  // namespace

std::unique_ptr<Engine> Engine::create(const EngineOptions& options) {
  std::unique_ptr<Engine> engine = create_one(options, false);
  if (!options.model.reranker.empty()) static_cast<ModelEngine&>(*engine).take_reranker(create_reranker(options));
  return engine;
}

}  // namespace fulmar
