// Measures what a step costs outside its model: the time from one step's logits to the next step's start, in which the
// engine draws a token for every slot. The model's logits are ready-made, everything else is the real thing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <random>

#include "base/platform.h"
#include "engine/fake_model.h"

namespace fulmar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t vocab = 65536, rows = 96;

// Logits of a wide bell: some hundred tokens share most of the mass.
std::vector<float> make_logits() {
  std::mt19937 random(5);
  std::normal_distribution<float> bell(0, 3);
  std::vector<float> logits(size_t{rows} * vocab);
  for (float& logit : logits) logit = bell(random);
  return logits;
}

// Times between steps that draw for every slot, in seconds.
struct Gaps {
  std::mutex mutex;
  std::vector<double> list;
};

class ReadyModel final : public Model {
 public:
  ReadyModel(uint32_t slots, const std::vector<float>& logits, Gaps& gaps)
      : slots_(slots), ready_(logits), gaps_(gaps), logits_(size_t{slots} * vocab) {
    config_.L = 1;
    config_.C = 4;
    config_.V = vocab;
    caps_.backend = caps_.name = "ready";
  }
  const rwkv::Config& config() const override { return config_; }
  const ops::Caps& caps() const override { return caps_; }
  std::string strategy() const override { return "ready fp32"; }
  uint64_t weight_bytes() const override { return 0; }
  uint32_t slots() const override { return slots_; }
  uint32_t max_rows() const override { return std::max(slots_, 64u); }
  uint64_t state_floats() const override { return 4; }
  const ops::Tape& tape() const override { return tape_; }
  ThreadPool& team() override { return team_; }
  uint32_t max_picks() const override { return slots_; }
  void start(const Step& step) override {
    const Clock::time_point begun = Clock::now();
    if (full_) {
      const std::lock_guard lock(gaps_.mutex);
      gaps_.list.push_back(std::chrono::duration<double>(begun - ended_).count());
    }
    picks_ = step.picks.size();
  }
  std::span<float> finish() override {
    for (size_t i = 0; i < picks_; ++i)
      std::memcpy(&logits_[i * vocab], &ready_[(next_ = (next_ + 1) % rows) * vocab], size_t{vocab} * 4);
    full_ = picks_ == slots_;
    ended_ = Clock::now();
    return std::span(logits_).first(picks_ * vocab);
  }
  Fingerprint fingerprint() const override { return {}; }
  void reset_slot(uint32_t) override {}
  void reset_slot_untuned(uint32_t) override {}
  void copy_slot(uint32_t, uint32_t) override {}
  void read_slot(uint32_t, std::span<float>) override {}
  void write_slot(uint32_t, std::span<const float>) override {}
  void set_adapters(const std::vector<Adapter>&) override {}
  void rebuild(const std::function<void()>&) override {}
  void set_timing(bool) override {}
  std::vector<ops::OpTime> times() const override { return {}; }

 private:
  const uint32_t slots_;
  const std::vector<float>& ready_;
  Gaps& gaps_;
  rwkv::Config config_;
  ops::Caps caps_;
  ops::Tape tape_;
  ThreadPool team_{std::min(usable_cores(), 8u), std::chrono::microseconds(0)};
  std::vector<float> logits_;
  size_t next_ = 0, picks_ = 0;
  bool full_ = false;  // the last step drew for every slot
  Clock::time_point ended_;
};

void measure(const char* name, const Sampling& sampling, const std::vector<float>& logits) {
  for (const uint32_t slots : {1u, 4u, 16u, 64u}) {
    Gaps gaps;
    EngineOptions options;
    options.model.vocab = "ascii";
    const auto engine =
        make_engine(std::make_unique<ReadyModel>(slots, logits, gaps), ascii_tokenizer(), options, {});
    std::vector<std::shared_ptr<Listener>> listeners;
    for (uint32_t i = 0; i < slots; ++i) {
      Question question = ask("one question", 200 + 400 / slots, i);
      const uint64_t seed = i;
      question.sampling = sampling;
      question.sampling.seed = seed;
      question.ignore_eos = true;
      listeners.push_back(listen_to(*engine, question));
    }
    for (const auto& listener : listeners) listener->wait();
    std::vector<double>& list = gaps.list;
    std::sort(list.begin(), list.end());
    const double median = list.empty() ? 0 : list[list.size() / 2] * 1e6;
    fmt::print("{:<24} {:>5} {:>12.1f} {:>12.2f}\n", name, slots, median, median / slots);
  }
}

}  // namespace
}  // namespace fulmar

int main() {
  using namespace fulmar;
  const std::vector<float> logits = make_logits();
  fmt::print("V {}, {} cores\n{:<24} {:>5} {:>12} {:>12}\n", vocab, usable_cores(), "sampling", "slots", "us a step",
             "us a token");
  Sampling plain, greedy, usual;
  greedy.temperature = 0;
  usual.top_p = 0.7f;
  usual.presence_penalty = usual.frequency_penalty = 0.3f;
  usual.penalty_decay = 0.996f;
  measure("greedy", greedy, logits);
  measure("temperature 1", plain, logits);
  measure("top_p 0.7, penalties", usual, logits);
}
