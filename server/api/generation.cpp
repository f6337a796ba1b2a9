// Gathers the events of a request's choices; the engine thread comes in here and leaves without waiting.
#include "api/generation.h"

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "api/answer.h"
#include "base/fail.h"
#include "base/log.h"
#include "http/sse.h"

namespace fulmar::api {
namespace {

constexpr size_t kChoices = 1024;                  // of all prompts together
constexpr size_t kPromptBytes = size_t{64} << 20;  // each choice holds its own copy while it waits

class Generation;

struct Choice final : Sink {
  Choice(Generation& whole, uint32_t at, Think think) : owner(whole), index(at), turn(think) {}
  void on_event(const Event& event) override;

  Generation& owner;  // owns this; sinks are given away as pointers that share its ownership
  const uint32_t index;
  TurnText turn;
  std::string text;  // of a one-shot answer
  Finish finish = Finish::none;
  uint32_t prompt_tokens = 0, completion_tokens = 0;
};

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(Plan plan, std::string_view model, std::shared_ptr<http::Reply> reply)
      : plan_(std::move(plan)),
        answer_(plan_.chat, plan_.delivery.stream, plan_.delivery.include_usage, model),
        reply_(std::move(reply)) {}

  void start(Engine& engine);
  void on_event(Choice& choice, const Event& event);

 private:
  // With the lock held.
  void add(Choice& choice, const Event& event);
  void emit(const std::string& json);
  void end_if_over();
  void end_with(const Error& error);
  void close_all() {
    for (Choice& choice : choices_) choice.close();
  }

  Plan plan_;
  const Answer answer_;
  const std::shared_ptr<http::Reply> reply_;
  std::deque<Choice> choices_;  // prompt-major; fixed before the first is submitted

  std::mutex mutex_;
  size_t unfinished_ = 0;
  bool started_ = false, over_ = false;
  std::string early_;             // stream events from before everything was submitted
  std::optional<Error> failure_;  // the same for an error
};

void Choice::on_event(const Event& event) {
  owner.on_event(*this, event);
}

void Generation::start(Engine& engine) {
  const uint32_t n = plan_.delivery.choices;
  for (uint32_t i = 0; i < plan_.prompts.size() * n; ++i)
    choices_.emplace_back(*this, i, plan_.chat ? plan_.prompts[i / n].think : Think::off);
  unfinished_ = choices_.size();
  const auto self = shared_from_this();
  reply_->on_gone([weak = weak_from_this()] {
    if (const auto generation = weak.lock()) generation->close_all();
  });
  try {
    for (Choice& choice : choices_) {
      if (reply_->gone()) break;
      const uint32_t copy = choice.index % n;
      Request& prompt = plan_.prompts[choice.index / n];
      Request request = copy + 1 == n ? std::move(prompt) : prompt;
      request.choice = copy;
      engine.submit(std::move(request), std::shared_ptr<Sink>(self, &choice));
    }
  } catch (...) {
    close_all();
    const std::lock_guard lock(mutex_);
    over_ = true;
    throw;
  }

  const std::lock_guard lock(mutex_);
  started_ = true;
  if (failure_) return end_with(*failure_);
  if (plan_.delivery.stream) {
    reply_->begin(http::sse_head());
    for (const Choice& choice : choices_) {
      if (plan_.chat) emit(answer_.opening(choice.index));
      if (!plan_.echo.empty()) emit(answer_.chunk(choice.index, plan_.echo[choice.index / n], Finish::none));
    }
    reply_->write(std::exchange(early_, {}));
  }
  end_if_over();
}

void Generation::on_event(Choice& choice, const Event& event) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  try {
    if (event.finish == Finish::failed) {
      end_with(event.error ? *event.error : Error(ErrorKind::internal, "generation failed"));
    } else if (event.finish == Finish::cancelled) {
      end_with(Error(ErrorKind::unavailable, "the server stopped before the answer was complete"));
    } else {
      add(choice, event);
      if (event.finish != Finish::none && --unfinished_ == 0) end_if_over();
    }
  } catch (const std::exception& error) {  // the engine thread must not see it: memory ran out
    log_error("an answer was dropped: {}", error.what());
    over_ = true;
    close_all();
    reply_->finish();
  }
}

void Generation::add(Choice& choice, const Event& event) {
  choice.finish = event.finish;
  choice.prompt_tokens = event.prompt_tokens;
  choice.completion_tokens = event.completion_tokens;
  const std::string trimmed = plan_.chat ? choice.turn(event.text) : std::string(event.text);
  if (!plan_.delivery.stream) {
    choice.text += trimmed;
    return;
  }
  // Chat clients expect the reason in a chunk of its own, after the last of the text.
  if (!trimmed.empty() && (plan_.chat || event.finish == Finish::none))
    emit(answer_.chunk(choice.index, trimmed, Finish::none));
  if (event.finish != Finish::none)
    emit(answer_.chunk(choice.index, plan_.chat ? std::string_view{} : trimmed, event.finish));
}

void Generation::emit(const std::string& json) {
  if (started_) {
    reply_->write(http::sse_event(json));
  } else {
    early_ += http::sse_event(json);
  }
}

void Generation::end_if_over() {
  if (!started_ || unfinished_ > 0) return;
  over_ = true;
  Usage usage;
  for (const Choice& choice : choices_) {
    if (choice.index % plan_.delivery.choices == 0) usage.prompt += choice.prompt_tokens;
    usage.completion += choice.completion_tokens;
  }
  reply_->note({usage.prompt, usage.completion});
  if (plan_.delivery.stream) {
    if (plan_.delivery.include_usage) emit(answer_.usage_chunk(usage));
    reply_->write(http::sse_event("[DONE]"));
    return reply_->finish();
  }
  std::string all;
  for (const Choice& choice : choices_) {
    if (!all.empty()) all += ',';
    const std::string echoed =
        plan_.echo.empty() ? choice.text : plan_.echo[choice.index / plan_.delivery.choices] + choice.text;
    all += answer_.choice(choice.index, echoed, choice.finish);
  }
  http::Response response;
  response.body = answer_.whole(all, usage);
  reply_->respond(std::move(response));
}

// One choice's failure ends the whole answer. Once a stream has begun its status is sent, so the error is an
// event.
void Generation::end_with(const Error& error) {
  if (!started_) {
    failure_ = error;
    return;
  }
  over_ = true;
  close_all();
  if (!plan_.delivery.stream || failure_) return reply_->respond(http::error_response(error));
  reply_->write(http::sse_event(http::error_json(error)));
  reply_->finish();
}

}  // namespace

void generate(Engine& engine, Plan plan, const std::shared_ptr<http::Reply>& reply) {
  size_t bytes = 0;
  for (const Request& prompt : plan.prompts) {
    bytes += prompt.text.size() + prompt.tokens.size() * sizeof(Token);
    for (const ChatMessage& message : prompt.messages) bytes += message.content.size();
  }
  const size_t n = plan.delivery.choices;
  if (plan.prompts.size() * n > kChoices)
    throw Error(ErrorKind::bad_request,
                fmt::format("n times the number of prompts is more than {}", kChoices), "n");
  if (bytes * n > kPromptBytes)
    throw Error(ErrorKind::too_large,
                fmt::format("n copies of the prompt are more than {} bytes", kPromptBytes), "n");
  std::make_shared<Generation>(std::move(plan), engine.model().id, reply)->start(engine);
}

}  // namespace fulmar::api
