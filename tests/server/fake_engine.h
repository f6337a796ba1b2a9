// An Engine without a model: its text is a function of prompt and seed, its threads and queue are real.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fulmar/engine.h"
#include "text/constraint_input.h"
#include "text/grammar_program.h"

namespace fulmar::test {

// The embedding of a prompt: four numbers.
std::vector<float> fake_vector(std::string_view prompt);

struct FakeOptions {
  uint32_t slots = 64;
  uint32_t queue = 1024;
  std::chrono::microseconds step{0};  // each gives every live request one token
  size_t piece_bytes = 0;             // tokens of this many bytes instead of words
  std::string id = "fake-rwkv";       // of the model
  bool embeds = false;
  uint32_t channels = 4;  // of a vector; those past the fourth are 0
  std::vector<SamplingProfile> sampling_profiles{};  // of the model
  std::vector<std::string> script{};  // of a chat: tokens that are read as the turn that the template opened
  std::map<Token, std::string> words{};  // texts of tokens, where they are not their bytes
  std::string fail_with;              // every request ends with this error after its first token
  std::shared_future<void> prepare_after;  // where it is one, no prompt is made before
};

// What the request (prompt, seed) generates as token `i`.
std::string fake_word(std::string_view prompt, uint64_t seed, uint64_t i);
// Its first `count` tokens: what a client must receive.
std::string fake_text(std::string_view prompt, uint64_t seed, uint64_t count);

// Vocabulary: byte b is token b, ids up to 65535 detokenize to "?". A prompt counts one token a byte. A
// prompt that starts with "say " generates the words that follow and stops; chat prompts are "role:
// content\n" lines, and their roles are checked as the real engine does. Sampling's seed defaults to 0. A stop string counts when it lies within one word.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(FakeOptions options = {});
  ~FakeEngine() override;

  std::shared_ptr<const Prompt> prepare(const PromptInput& input) const override;
  // Holds to nothing; checks nothing before compile_forms().
  std::shared_ptr<const Constraint> constrain(const ConstraintInput& input) const override {
    if (compiles_forms_) compile_grammar(grammar_of(input));
    last_constraint_ = input;
    return nullptr;
  }
  void submit(std::vector<Submission> all) override;
  const ModelInfo& model() const override { return info_; }
  Fingerprint fingerprint() const override { return *Fingerprint::from_hex("00112233445566778899aabbccddeeff"); }
  EngineStats stats() const override;
  std::string trouble() const override;
  StateStore& sessions() const override { return *sessions_; }
  void check(const State&) const override {}
  void check_brought(const State&) const override {}
  bool spells(const Fingerprint&) const override { return true; }
  StatePtr mix(std::span<const StatePtr> states, std::span<const float>) const override { return states[0]; }
  StatePtr tuned_state(const std::string&, const std::string&) const override { return nullptr; }
  std::string text_of(std::span<const Token> tokens) const override;
  std::function<std::string(Token)> speller() const override {
    return [](Token token) { return std::string(1, static_cast<char>(token)); };
  }
  void set_adapters(const std::vector<Adapter>&, double) override {}
  void drain(double seconds, const std::string& why) override;

  void set_trouble(std::string sentence);
  Request last_request() const;    // as it was submitted
  PromptInput last_input() const;  // as it was prepared
  ConstraintInput last_constraint() const { return last_constraint_; }
  void compile_forms() { compiles_forms_ = true; }
  int preparing() const { return preparing_; }  // threads that are making a prompt now

 private:
  struct Live;
  void run();
  bool step(Live& live);  // false: it ended

  const FakeOptions options_;
  ModelInfo info_;
  const std::shared_ptr<StateStore> sessions_ = StateStore::open({});
  mutable std::atomic<int> preparing_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Live>> queued_, live_;
  uint32_t stepping_ = 0;  // live ones, which the thread has taken out of live_ during a step
  EngineStats stats_;
  Request last_;
  mutable PromptInput last_input_;
  mutable ConstraintInput last_constraint_;
  bool compiles_forms_ = false;
  std::string trouble_;
  bool draining_ = false, over_ = false;
  std::thread thread_;
};

}  // namespace fulmar::test
