// Gathers the events of a request's choices; the engine thread comes in here and leaves without waiting. The
// words of the answer are made where it is read.
#include "api/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "api/answer.h"
#include "http/sse.h"

namespace fulmar::api {
namespace {

constexpr size_t kChoices = 1024;              // of all prompts together
constexpr size_t kUnread = size_t{4} << 20;    // bytes of an answer's text that nobody has taken yet
constexpr size_t kPartBytes = size_t{64} << 10;  // of text that is put into words at once

class Generation;

struct Choice final : Sink {
  Choice(Generation& whole, uint32_t at) : owner(whole), index(at) {}
  void on_event(const Event& event) override;

  Generation& owner;  // owns this; sinks are given away as pointers that share its ownership
  const uint32_t index;
  std::string text;  // not taken yet
  Finish finish = Finish::none;
  uint32_t completion_tokens = 0;
  bool waiting = false;  // stands in Generation::news_
};

class Generation final : public http::Source, public std::enable_shared_from_this<Generation> {
 public:
  Generation(const Plan& plan, std::string_view model, std::shared_ptr<http::Reply> reply);

  void start(Engine& engine, Plan plan);
  void on_event(Choice& choice, const Event& event) noexcept;
  http::Reply::Part take() override;

 private:
  struct Piece {
    uint32_t index;
    std::string text;
    Finish finish;  // none until the choice's last piece
  };
  // With the lock held.
  void add(Choice& choice, const Event& event);
  void end_with(Error error);
  std::vector<Piece> take_pieces();
  // By whoever takes.
  http::Reply::Part whole();
  void put_opening(std::string& out) const;
  void put(const Piece& piece, std::string& out) const;
  void close_all() {
    for (Choice& choice : choices_) choice.close();
  }
  const std::string& echo_of(uint32_t index) const { return echo_[index / delivery_.choices]->text; }

  const bool chat_;
  const Delivery delivery_;
  const Answer answer_;
  const std::shared_ptr<http::Reply> reply_;
  std::vector<std::shared_ptr<const Prompt>> echo_;  // per prompt, or empty
  std::deque<Choice> choices_;                       // prompt-major; fixed before they are submitted
  bool begun_ = false;                               // the head was taken

  std::mutex mutex_;
  Usage usage_;
  size_t unfinished_ = 0;
  size_t unread_ = 0;           // bytes of text in all choices
  std::deque<uint32_t> news_;   // choices with something new, in the order of its coming
  std::optional<Error> error_;  // ends the answer after what came before it
  bool dropped_ = false;        // an event could not be kept
};

void Choice::on_event(const Event& event) {
  owner.on_event(*this, event);
}

Generation::Generation(const Plan& plan, std::string_view model, std::shared_ptr<http::Reply> reply)
    : chat_(plan.chat),
      delivery_(plan.delivery),
      answer_(plan.chat, plan.delivery.stream, plan.delivery.include_usage, model),
      reply_(std::move(reply)),
      unfinished_(plan.prompts.size() * plan.delivery.choices) {
  for (uint32_t i = 0; i < unfinished_; ++i) choices_.emplace_back(*this, i);
  for (const Request& request : plan.prompts) {
    usage_.prompt += request.prompt->tokens.size();
    if (plan.echo) echo_.push_back(request.prompt);
  }
}

void Generation::start(Engine& engine, Plan plan) {
  const auto self = shared_from_this();
  reply_->on_gone([weak = weak_from_this()] {
    if (const auto generation = weak.lock()) generation->close_all();
  });
  reply_->note({usage_.prompt, 0});
  std::vector<Submission> all;
  for (Request& request : plan.prompts) {
    Submission& submission = all.emplace_back(Submission{std::move(request), {}});
    for (uint32_t i = 0; i < delivery_.choices; ++i)
      submission.choices.emplace_back(self, &choices_[(all.size() - 1) * delivery_.choices + i]);
  }
  engine.submit(std::move(all));
  reply_->attach(self);
}

void Generation::on_event(Choice& choice, const Event& event) noexcept {
  const std::lock_guard lock(mutex_);
  if (dropped_ || error_ || choice.finish != Finish::none) return;
  try {
    if (event.finish == Finish::failed)
      end_with(event.error ? *event.error : Error(ErrorKind::internal, "generation failed"));
    else if (event.finish == Finish::cancelled)
      end_with(Error(ErrorKind::unavailable, "the server stopped before the answer was complete"));
    else
      add(choice, event);
  } catch (...) {  // no memory for the text
    dropped_ = true;
    close_all();
    reply_->wake();
  }
}

void Generation::add(Choice& choice, const Event& event) {
  usage_.completion += event.completion_tokens - std::exchange(choice.completion_tokens, event.completion_tokens);
  reply_->note({usage_.prompt, usage_.completion});
  choice.text += event.text;
  unread_ += event.text.size();
  choice.finish = event.finish;
  if (event.finish != Finish::none) --unfinished_;
  if (unread_ > kUnread && delivery_.stream)
    return end_with(Error(ErrorKind::timed_out,
                          fmt::format("the answer is read too slowly: {} bytes of it were waiting", unread_)));
  if (unread_ > kUnread && unfinished_ > 0) {
    // As much as an answer in one piece may hold: what was not finished ends here.
    for (Choice& other : choices_)
      if (other.finish == Finish::none) other.finish = Finish::length;
    unfinished_ = 0;
    close_all();
  }
  if (!delivery_.stream) {
    if (unfinished_ == 0) reply_->wake();
    return;
  }
  if (choice.text.empty() && choice.finish == Finish::none) return;
  if (!std::exchange(choice.waiting, true)) news_.push_back(choice.index);
  reply_->wake();
}

// One choice's failure ends the whole answer.
void Generation::end_with(Error error) {
  error_ = std::move(error);
  close_all();
  reply_->wake();
}

// Choices that have news take turns, so that a long text does not hold up the others'.
std::vector<Generation::Piece> Generation::take_pieces() {
  std::vector<Piece> pieces;
  for (size_t bytes = 0; !news_.empty() && bytes < kPartBytes;) {
    Choice& choice = choices_[news_.front()];
    news_.pop_front();
    Piece piece{choice.index, {}, Finish::none};
    if (choice.text.size() <= kPartBytes) {
      piece.text = std::exchange(choice.text, {});
      piece.finish = choice.finish;
      choice.waiting = false;
    } else {
      size_t length = kPartBytes;  // back to where a character begins
      while (length > kPartBytes - 4 && (static_cast<unsigned char>(choice.text[length]) & 0xc0) == 0x80)
        --length;
      piece.text = choice.text.substr(0, length);
      choice.text.erase(0, length);
      news_.push_back(choice.index);
    }
    bytes += piece.text.size();
    unread_ -= piece.text.size();
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

http::Reply::Part Generation::take() {
  std::vector<Piece> pieces;
  std::optional<Error> error;
  bool over = false;
  Usage usage;
  {
    const std::lock_guard lock(mutex_);
    if (delivery_.stream) pieces = take_pieces();
    if (dropped_) error_.emplace(ErrorKind::out_of_memory, "the host's memory did not suffice for the answer");
    if (pieces.empty()) error = error_;
    over = unfinished_ == 0 && news_.empty() && !error_;
    usage = usage_;
  }
  // Once a stream has begun its status is sent, so an error is an event.
  if (error && !begun_) return {http::error_response(*error), false, {}, true};
  if (!delivery_.stream) return over ? whole() : http::Reply::Part{};

  http::Reply::Part part;
  part.streamed = true;
  if (!std::exchange(begun_, true)) {
    part.head = http::sse_head();
    put_opening(part.bytes);
  }
  for (const Piece& piece : pieces) put(piece, part.bytes);
  if (error) part.bytes += http::sse_event(http::error_json(*error));
  if (over) {
    if (delivery_.include_usage) part.bytes += http::sse_event(answer_.usage_chunk(usage));
    part.bytes += http::sse_event("[DONE]");
  }
  part.done = over || error;
  return part;
}

void Generation::put_opening(std::string& out) const {
  for (const Choice& choice : choices_) {
    if (chat_) out += http::sse_event(answer_.opening(choice.index));
    if (!echo_.empty())
      out += http::sse_event(answer_.chunk(choice.index, echo_of(choice.index), Finish::none));
  }
}

void Generation::put(const Piece& piece, std::string& out) const {
  // Chat clients expect the reason in a chunk of its own, after the last of the text.
  const bool apart = chat_ && piece.finish != Finish::none;
  if (!piece.text.empty() || !chat_)
    out += http::sse_event(answer_.chunk(piece.index, piece.text, apart ? Finish::none : piece.finish));
  if (apart) out += http::sse_event(answer_.chunk(piece.index, {}, piece.finish));
}

// All choices have ended, so nobody writes to them any more.
http::Reply::Part Generation::whole() {
  std::string all;
  for (Choice& choice : choices_) {
    if (!all.empty()) all += ',';
    const std::string text = std::exchange(choice.text, {});
    all += answer_.choice(choice.index, echo_.empty() ? text : echo_of(choice.index) + text, choice.finish);
  }
  http::Response response;
  response.body = answer_.whole(all, usage_);
  return {std::move(response), false, {}, true};
}

}  // namespace

void generate(Engine& engine, Plan plan, const std::shared_ptr<http::Reply>& reply) {
  const size_t n = plan.delivery.choices;
  if (plan.prompts.size() * n > kChoices)
    throw Error(ErrorKind::bad_request,
                fmt::format("n times the number of prompts is more than {}", kChoices), "n");
  size_t echoed = 0;
  for (const Request& request : plan.prompts) echoed += request.prompt->text.size() * n;
  if (plan.echo && echoed > kUnread)
    throw Error(ErrorKind::bad_request,
                fmt::format("echo would repeat {} bytes, more than {}", echoed, kUnread), "echo");
  std::make_shared<Generation>(plan, engine.model().id, reply)->start(engine, std::move(plan));
}

}  // namespace fulmar::api
