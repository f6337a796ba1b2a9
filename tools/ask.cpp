// One request from a terminal program; see ask.h.
#include "ask.h"

#include <chrono>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "interrupt.h"

namespace fulmar::tools {
namespace {

// Carries text from the engine's thread to the terminal's, so that a slow terminal never holds up a step.
class Mailbox : public Sink {
 public:
  void on_event(const Event& event) override {
    const std::lock_guard lock(mutex_);
    finish_ = event.finish;
    try {
      thought_ += event.thought;
      text_ += event.text;
      if (event.error) error_ = *event.error;
    } catch (...) {  // no memory: nobody would tell the one who waits
      finish_ = Finish::failed;
    }
    changed_.notify_one();
  }

  struct News {
    std::string thought, text;
    Finish finish;
  };
  // Waits for news, at most as long as a person would not notice.
  News take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(50),
                      [&] { return !thought_.empty() || !text_.empty() || finish_ != Finish::none; });
    if (error_) throw Error(*error_);
    return {std::exchange(thought_, {}), std::exchange(text_, {}), finish_};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string thought_, text_;
  Finish finish_ = Finish::none;
  std::optional<Error> error_;
};

}  // namespace

void add_sampling_flags(Command& command, SamplingFlags& flags) {
  Sampling& s = flags.sampling;
  command.option("--max-tokens", flags.max_tokens, "Tokens to make at most").show_default();
  command.option("--temperature", s.temperature, "0 always takes the likeliest token")
      .show_default()
      .not_negative();
  command.option("--top-k", s.top_k, "Draw from the k likeliest tokens; 0: from all")
      .show_default()
      .not_negative();
  command.option("--top-p", s.top_p, "Draw from the likeliest tokens that together have this probability")
      .show_default()
      .between(0.0, 1.0);
  command.option("--min-p", s.min_p, "Drop tokens below this share of the best one's probability")
      .show_default()
      .between(0.0, 1.0);
  command.option("--presence-penalty", s.presence_penalty, "Taken from the logit of a token that occurred")
      .show_default();
  command.option("--frequency-penalty", s.frequency_penalty, "Taken from it again for every occurrence")
      .show_default();
  command.option("--penalty-decay", s.penalty_decay, "Occurrences count this much less with every token")
      .show_default()
      .between(0.0, 1.0);
  command.choice("--penalty-rule", s.rule,
                 "Whose way of drawing: openai, pipeline (the rwkv package), runner (RWKV-Runner) or rapid (Rapid-Sampling)",
                 {std::begin(penalty_rules), std::end(penalty_rules)});
  command.option("--repetition-penalty", s.repetition_penalty,
                 "Divides the logits of tokens in the prompt and the text (multiplies them below 0)")
      .show_default();
  command.option("--seed", s.seed, "The same seed gives the same text").natural();
  command.option("--stop", flags.stop, "End before this text; may be given several times").one_word_each();
  command.flag("--ignore-eos", flags.ignore_eos, "Go on past the end-of-text token");
}

void apply(const SamplingFlags& flags, Request& request) {
  request.sampling = flags.sampling;
  request.max_tokens = flags.max_tokens;
  request.stop = flags.stop;
  request.ignore_eos = flags.ignore_eos;
}

Finish ask(Engine& engine, const PromptInput& prompt, Request request, const Show& show) {
  const CatchInterrupt ctrl_c(CatchInterrupt::Signals::interrupt);
  const auto mailbox = std::make_shared<Mailbox>();
  request.prompt = engine.prepare(prompt);
  engine.submit({{std::move(request), {mailbox}}});
  while (!ctrl_c.interrupted()) {
    const auto [thought, text, finish] = mailbox->take();
    if (!thought.empty() || !text.empty()) show(thought, text);
    if (finish != Finish::none) return finish;
  }
  mailbox->close();
  return Finish::cancelled;
}

}  // namespace fulmar::tools
