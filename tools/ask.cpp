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

Sampling changed(Sampling usual, const SamplingFlags& flags) {
  const auto set = [](auto& target, const auto& given) {
    if (given) target = *given;
  };
  set(usual.temperature, flags.temperature);
  set(usual.top_k, flags.top_k);
  set(usual.top_p, flags.top_p);
  set(usual.min_p, flags.min_p);
  set(usual.presence_penalty, flags.presence_penalty);
  set(usual.frequency_penalty, flags.frequency_penalty);
  set(usual.penalty_decay, flags.penalty_decay);
  set(usual.rule, flags.rule);
  set(usual.repetition_penalty, flags.repetition_penalty);
  usual.seed = flags.seed;
  return usual;
}

}  // namespace

void add_profile_flag(Command& command, std::string& profile, const std::string& usual) {
  std::string help = "What is drawn with where nothing else is said: model (its makers' files)";
  for (const SamplingProfile& known : known_profiles()) help += ", " + known.name;
  command.option("--sampling-profile,--profile", profile, help + "; by default " + usual);
}

void add_sampling_flags(Command& command, SamplingFlags& flags, const std::string& usual) {
  add_profile_flag(command, flags.profile, usual);
  command.option("--max-tokens", flags.max_tokens, "Tokens to make at most").show_default();
  command.option("--temperature", flags.temperature, "0 always takes the likeliest token").not_negative();
  command.option("--top-k", flags.top_k, "Draw from the k likeliest tokens; 0: from all").not_negative();
  command.option("--top-p", flags.top_p, "Draw from the likeliest tokens that together have this probability")
      .between(0.0, 1.0);
  command.option("--min-p", flags.min_p, "Drop tokens below this share of the best one's probability")
      .between(0.0, 1.0);
  command.option("--presence-penalty", flags.presence_penalty,
                 "Taken from the logit of a token that occurred");
  command.option("--frequency-penalty", flags.frequency_penalty, "Taken from it again for every occurrence");
  command.option("--penalty-decay", flags.penalty_decay, "Occurrences count this much less with every token")
      .between(0.0, 1.0);
  command.choice("--penalty-rule", flags.rule,
                 "Whose way of drawing: openai, pipeline (the rwkv package), runner (RWKV-Runner) or rapid "
                 "(Rapid-Sampling)",
                 {std::begin(penalty_rules), std::end(penalty_rules)});
  command.option("--repetition-penalty", flags.repetition_penalty,
                 "Divides the logits of tokens in the prompt and the text (multiplies them below 0)");
  command.option("--seed", flags.seed, "The same seed gives the same text").natural();
  command.option("--stop", flags.stop, "End before this text; may be given several times").one_word_each();
  command.flag("--ignore-eos", flags.ignore_eos, "Go on past the end-of-text token");
}

Finish ask(Engine& engine, const Question& question, const SamplingFlags& flags,
           const api::ProfileChoice& profiles, const Show& show) {
  Request request;
  request.prompt = engine.prepare(question.prompt);
  if (question.continued) request.continued = engine.prepare(*question.continued);
  request.streams = question.streams;
  request.note = question.note;
  const api::Asking asking = api::what_is_asked(question.prompt, *request.prompt);
  request.sampling = changed(api::profile_for(profiles, engine.model(), asking).sampling, flags);
  request.max_tokens = flags.max_tokens;
  request.stop = flags.stop;
  request.ignore_eos = flags.ignore_eos;
  const CatchInterrupt ctrl_c(CatchInterrupt::Signals::interrupt);
  const auto mailbox = std::make_shared<Mailbox>();
  engine.submit({{std::move(request), {mailbox}}});
  while (!ctrl_c.interrupted()) {
    const auto [thought, text, finish] = mailbox->take();
    if (!thought.empty() || !text.empty()) show(thought, text);
    if (finish != Finish::none) return finish;
  }
  mailbox->close();
  return Finish::cancelled;
}

void wait_for(Engine& engine, Request request) {
  const auto mailbox = std::make_shared<Mailbox>();
  engine.submit({{std::move(request), {mailbox}}});
  while (mailbox->take().finish == Finish::none) {
  }
}

}  // namespace fulmar::tools
