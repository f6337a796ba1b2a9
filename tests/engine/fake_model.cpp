// The hash that stands for a model, and the listener.
#include "engine/fake_model.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <limits>
#include <thread>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr auto a_minute = std::chrono::seconds(60);

uint64_t scramble(uint64_t z) {
  z = (z ^ (z >> 31)) * 0x7fb5d329728ea185u;
  z = (z ^ (z >> 27)) * 0x81dadef4bc2dd44du;
  return z ^ (z >> 33);
}

class AsciiTokenizer final : public Tokenizer {
 public:
  explicit AsciiTokenizer(Token size = 128) {
    for (Token c = 0; c < size; ++c) characters_.push_back(static_cast<char>(c));
  }
  std::vector<Token> encode(std::string_view text) const override { return {text.begin(), text.end()}; }
  std::string_view bytes(Token token) const override {
    if (token <= 0 || token >= size()) return {};
    return std::string_view(characters_).substr(static_cast<size_t>(token), 1);
  }
  Token size() const override { return static_cast<Token>(characters_.size()); }
  Token end_of_text() const override { return 0; }
  std::string_view kind() const override { return "characters"; }

 private:
  std::string characters_;
};

}  // namespace

void Gate::open() {
  std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::wait() {
  std::unique_lock lock(mutex_);
  visited_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, a_minute, [this] { return open_; });
}

void Gate::wait_for_visitor() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, a_minute, [this] { return visited_; });
}

FakeModel::FakeModel(FakeOptions options) : options_(std::move(options)), states_(options_.slots) {
  config_.L = 1;
  config_.C = 4;
  config_.V = options_.vocab;
  caps_.backend = caps_.name = "fake";
}

void FakeModel::start(const Step& step) {
  require(!started_, "a step was started before the last one was finished");
  ++steps_;
  if (options_.before_step) options_.before_step(steps_);
  require(!step.tokens.empty() && step.tokens.size() <= options_.max_rows, "{} rows", step.tokens.size());
  require(step.picks.size() <= max_picks(), "{} picks", step.picks.size());
  step_ = step;
  started_ = true;
}

std::span<float> FakeModel::finish() {
  require(started_, "no step was started");
  started_ = false;
  if (options_.before_finish) options_.before_finish(steps_);
  const auto [tokens, segments, picks] = step_;
  logits_.assign(picks.size() * config_.V, 0.0f);
  std::vector<bool> seen(options_.slots);
  size_t row = 0, pick = 0;
  for (const ops::Segment& segment : segments) {
    require(segment.first == row && segment.rows > 0, "a segment at row {}, expected {}", segment.first, row);
    require(!seen.at(segment.slot), "slot {} twice in a step", segment.slot);
    seen[segment.slot] = true;
    State& state = states_[segment.slot];
    for (uint32_t i = 0; i < segment.rows; ++i, ++row) {
      state.last = tokens[row];
      require(state.last >= 0 && static_cast<uint32_t>(state.last) < config_.V, "token {}", state.last);
      state.hash = scramble(state.hash + static_cast<uint64_t>(state.last) + ++state.length + salt_);
      if (pick < picks.size() && picks[pick] == row) {
        fill_logits(state, std::span(logits_).subspan(pick * config_.V, config_.V));
        ++pick;
      }
    }
  }
  require(row == tokens.size() && pick == picks.size(), "{} of {} rows, {} of {} picks", row, tokens.size(),
          pick, picks.size());
  return logits_;
}

void FakeModel::fill_logits(const State& state, std::span<float> logits) const {
  if (state.last == options_.nan_after) {
    std::fill(logits.begin(), logits.end(), std::numeric_limits<float>::quiet_NaN());
  } else if (state.length <= options_.script.size()) {
    logits[static_cast<size_t>(options_.script[state.length - 1])] = 50.0f;
  } else {
    for (size_t v = 0; v < logits.size(); ++v)  // 0..8
      logits[v] = static_cast<float>(scramble(state.hash ^ (v * 0x9e3779b97f4a7c15u)) >> 40) * 0x1p-21f;
    if (!options_.ends_early) logits[0] = -100.0f;
  }
}

// Sixteen bits a float, which it holds exactly.
void FakeModel::read_slot(uint32_t slot, std::span<float> out) {
  require(out.size() == state_floats(), "{} floats", out.size());
  if (options_.before_read) options_.before_read();
  std::ranges::copy(std::bit_cast<Words>(states_.at(slot)), out.begin());
}

void FakeModel::write_slot(uint32_t slot, std::span<const float> in) {
  require(in.size() == state_floats(), "{} floats", in.size());
  if (options_.before_write) options_.before_write();
  Words words;
  std::ranges::transform(in, words.begin(), [](float x) { return static_cast<uint16_t>(x); });
  states_.at(slot) = std::bit_cast<State>(words);
}

Fingerprint FakeModel::fingerprint() const {
  Fingerprint made;
  std::memcpy(made.bytes.data(), &salt_, sizeof salt_);
  return made;
}

void FakeModel::rebuild(const std::function<void()>& checkpoint) {
  if (!options_.rebuild) fail(ErrorKind::unavailable, "it is gone for good");
  options_.rebuild(checkpoint);
  states_.assign(states_.size(), {});
}

void FakeModel::set_adapters(const std::vector<Adapter>& adapters) {
  uint64_t salt = 0;
  for (const Adapter& adapter : adapters) {
    if (adapter.file == "bad") throw Error(ErrorKind::bad_file, "bad: is no adapter");
    for (const char c : adapter.file) salt = scramble(salt + static_cast<uint64_t>(c));
  }
  salt_ = salt;
}

void FakeModel::reset_slot(uint32_t slot) {
  if (options_.before_reset) options_.before_reset();
  states_.at(slot) = State{.hash = 0x51ab + options_.tuned};
}

std::shared_ptr<const Tokenizer> ascii_tokenizer() {
  return std::make_shared<AsciiTokenizer>();
}

std::unique_ptr<Engine> make_fake_engine(FakeOptions model, FakeLimits limits) {
  EngineOptions options;
  options.model.vocab = "ascii";
  options.queue = limits.queue;
  options.queue_tokens = limits.queue_tokens;
  options.max_prompt_tokens = limits.max_prompt_tokens;
  options.prefix_cache = limits.prefix_cache;
  options.sessions = std::move(limits.sessions);
  options.model.state = std::move(limits.state);
  options.model.reproducible = limits.reproducible;
  ModelInfo info;
  info.id = "fake";
  info.vocab = model.vocab;
  info.slots = model.slots;
  const auto tokenizer = model.vocab < 256 ? ascii_tokenizer() : std::make_shared<const AsciiTokenizer>(256);
  return make_engine(std::make_unique<FakeModel>(std::move(model)), tokenizer, options, std::move(info));
}

namespace {

std::vector<Listener::Heard::Score> kept(const ScoreRows& rows) {
  std::vector<Listener::Heard::Score> all;
  for (size_t i = 0; i < rows.size(); ++i) all.push_back({rows[i][0].token, rows[i][0].logprob, {rows[i].begin() + 1, rows[i].end()}});
  return all;
}

}  // namespace

void Listener::on_event(const Event& event) {
  if (also) also(*this, event);
  std::lock_guard lock(mutex_);
  events_.push_back({std::string(event.thought),
                     std::string(event.text),
                     {event.tokens.begin(), event.tokens.end()},
                     event.finish,
                     event.prompt_tokens,
                     event.completion_tokens,
                     event.thought_tokens,
                     event.cached_tokens,
                     event.step,
                     kept(event.scores),
                     kept(event.prompt_scores),
                     event.times,
                     event.stop,
                     {event.turn.begin(), event.turn.end()}});
  if (event.error) error_ = std::make_unique<Error>(*event.error);
  changed_.notify_all();
}

Finish Listener::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, a_minute,
                    [this] { return !events_.empty() && events_.back().finish != Finish::none; });
  return events_.empty() ? Finish::none : events_.back().finish;
}

void Listener::wait_for_events(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, a_minute, [&] { return events_.size() >= count; });
}

std::vector<Listener::Heard> Listener::events() const {
  std::lock_guard lock(mutex_);
  return events_;
}

std::string Listener::thought() const {
  std::string all;
  for (const Heard& heard : events()) all += heard.thought;
  return all;
}

std::string Listener::text() const {
  std::string all;
  for (const Heard& heard : events()) all += heard.text;
  return all;
}

std::vector<Token> Listener::tokens() const {
  std::vector<Token> all;
  for (const Heard& heard : events()) all.insert(all.end(), heard.tokens.begin(), heard.tokens.end());
  return all;
}

std::string Listener::error() const {
  std::lock_guard lock(mutex_);
  return error_ ? error_->what() : "";
}

ErrorKind Listener::error_kind() const {
  std::lock_guard lock(mutex_);
  return error_ ? error_->kind() : ErrorKind::misuse;
}

Question ask(std::string prompt, uint32_t max_tokens, uint64_t seed) {
  Question question;
  question.input.text = std::move(prompt);
  question.max_tokens = max_tokens;
  question.sampling.seed = seed;
  return question;
}

void submit(Engine& engine, Question question, std::shared_ptr<Sink> sink) {
  question.prompt = engine.prepare(question.input);
  engine.submit({{std::move(question), {std::move(sink)}}});
}

std::shared_ptr<Listener> listen_to(Engine& engine, Question question) {
  auto listener = std::make_shared<Listener>();
  submit(engine, std::move(question), listener);
  return listener;
}

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + a_minute;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace fulmar
