// A model whose logits are a hash of everything its slot was fed since the last reset: rows in the wrong
// order, a forgotten reset or a state that leaks into another slot all change the text. With it, a sink that
// keeps what it hears.
#pragma once
#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "engine/make_engine.h"

namespace fulmar {

// Holds the engine thread at a step until it is opened.
class Gate {
 public:
  void open();
  void wait();
  // Until the engine thread stands at the gate.
  void wait_for_visitor();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, visited_ = false;
};

struct FakeOptions {
  uint32_t slots = 8, max_rows = 64;
  uint32_t vocab = 128;    // 256 and more: tokens past 127 are single bytes
  uint32_t max_picks = 0;  // 0: one a slot
  // Called before each step, counted from 1, on the engine thread; may throw or wait.
  std::function<void(uint64_t step)> before_step{};
  // Called where a step, once started, is waited for; likewise.
  std::function<void(uint64_t step)> before_finish{};
  // Called before a slot is reset.
  std::function<void()> before_reset{};
  std::function<void()> before_read{}, before_write{};  // of a slot's state
  // Called to rebuild the model, with the checkpoint; without one it stays lost.
  std::function<void(const std::function<void()>&)> rebuild{};
  // The only likely token after n tokens of history is script[n - 1], while there is one.
  std::vector<Token> script{};
  Token nan_after = -1;     // logits are NaN after this token
  uint64_t tuned = 0;       // another start than the plain one
  bool ends_early = false;  // token 0 is as likely as the others, else it is never drawn
};

class FakeModel final : public Model {
 public:
  explicit FakeModel(FakeOptions options);
  const rwkv::Config& config() const override { return config_; }
  const ops::Caps& caps() const override { return caps_; }
  std::string strategy() const override { return "fake fp32"; }
  uint64_t weight_bytes() const override { return 0; }
  uint32_t slots() const override { return options_.slots; }
  uint32_t max_rows() const override { return options_.max_rows; }
  uint64_t state_floats() const override { return Words().size(); }
  const ops::Tape& tape() const override { return tape_; }
  ThreadPool& team() override { return team_; }
  uint32_t max_picks() const override { return options_.max_picks ? options_.max_picks : options_.slots; }
  void start(const Step& step) override;
  std::span<float> finish() override;
  void reset_slot(uint32_t slot) override;
  void reset_slot_untuned(uint32_t slot) override { states_.at(slot) = State{.hash = 0x51ab}; }
  void copy_slot(uint32_t to, uint32_t from) override { states_.at(to) = states_.at(from); }
  void read_slot(uint32_t slot, std::span<float> out) override;
  void write_slot(uint32_t slot, std::span<const float> in) override;
  Fingerprint fingerprint() const override;
  // The last file's name changes every text; a file named "bad" is none.
  void set_adapters(const std::vector<Adapter>& adapters) override;
  void rebuild(const std::function<void()>& checkpoint) override;
  void set_timing(bool) override {}
  std::vector<ops::OpTime> times() const override { return {}; }

 private:
  struct State {
    uint64_t hash = 0xbadbadbad;  // until the first reset
    uint64_t length = 0;
    int64_t last = -1;  // without padding: see read_slot()
  };
  using Words = std::array<uint16_t, sizeof(State) / sizeof(uint16_t)>;
  void fill_logits(const State& state, std::span<float> logits) const;

  const FakeOptions options_;
  rwkv::Config config_;
  ops::Caps caps_;
  ops::Tape tape_;
  ThreadPool team_{3};
  std::vector<State> states_;
  std::vector<float> logits_;
  Step step_;  // under way
  bool started_ = false;
  uint64_t steps_ = 0, salt_ = 0;
};

// Id 0 ends a text; any other id below 128 is the ASCII character of that code.
std::shared_ptr<const Tokenizer> ascii_tokenizer();

struct FakeLimits {  // as in EngineOptions
  uint32_t queue = 1024;
  uint64_t queue_tokens = 1 << 20;
  uint32_t max_prompt_tokens = 1 << 20;
  uint64_t prefix_cache = 0;
  std::shared_ptr<StateStore> sessions{};
  std::string state{};  // ModelSpec::state
  bool reproducible = false;
};
std::unique_ptr<Engine> make_fake_engine(FakeOptions model, FakeLimits limits = {});

class Listener final : public Sink {
 public:
  struct Heard {
    std::string thought, text;
    std::vector<Token> tokens;
    Finish finish;
    uint32_t prompt_tokens, completion_tokens, thought_tokens, cached_tokens;
    uint64_t step;
    struct Score {
      Token token;
      float logprob;
      std::vector<TokenScore> top;
    };
    std::vector<Score> scored, prompt_scored;
    Times times;
    std::optional<uint32_t> stop;
    std::vector<Token> turn;
  };
  void on_event(const Event& event) override;

  // Waits for the last event, for a minute at most; Finish::none when it did not come.
  Finish wait();
  void wait_for_events(size_t count);

  // Called on the engine thread with each event, before it is kept.
  std::function<void(Listener&, const Event&)> also;

  std::vector<Heard> events() const;
  std::string thought() const;
  std::string text() const;
  std::vector<Token> tokens() const;
  std::string error() const;
  ErrorKind error_kind() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Heard> events_;
  std::unique_ptr<Error> error_;
};

// A request whose prompt is not prepared yet.
struct Question : Request {
  PromptInput input;
};
// `prompt` with a seed, for `max_tokens` tokens.
Question ask(std::string prompt, uint32_t max_tokens, uint64_t seed = 1);
void submit(Engine& engine, Question question, std::shared_ptr<Sink> sink);
std::shared_ptr<Listener> listen_to(Engine& engine, Question question);
// True when it holds within a minute.
bool eventually(const std::function<bool()>& holds);

}  // namespace fulmar
