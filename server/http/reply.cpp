// The lock and the single wake-up behind Reply.
#include "http/reply.h"

#include <utility>

#include "http/keys.h"

namespace fulmar::http {

void Reply::respond(Response response) {
  const std::lock_guard lock(mutex_);
  if (gone_) return;
  if (!done_) head_ = std::move(response);
  done_ = true;
  notify();
}

void Reply::attach(std::shared_ptr<Source> source) {
  const std::lock_guard lock(mutex_);
  if (gone_ || done_) return;
  source_ = std::move(source);
  notify();
}

void Reply::give_up() noexcept {
  const std::lock_guard lock(mutex_);
  done_ = true;
  notify();
}

void Reply::wake() noexcept {
  const std::lock_guard lock(mutex_);
  notify();
}

void Reply::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

bool Reply::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

void Reply::note(Tokens tokens) {
  prompt_tokens_.store(tokens.prompt, std::memory_order_relaxed);
  completion_tokens_.store(tokens.completion, std::memory_order_relaxed);
}

Reply::Tokens Reply::tokens() const {
  return {prompt_tokens_.load(std::memory_order_relaxed), completion_tokens_.load(std::memory_order_relaxed)};
}

void Reply::bill(std::shared_ptr<Holder> holder) {
  const std::lock_guard lock(mutex_);
  payer_ = std::move(holder);
}

std::shared_ptr<Holder> Reply::settle() {
  std::shared_ptr<Holder> payer;
  {
    const std::lock_guard lock(mutex_);
    payer = std::exchange(payer_, nullptr);
  }
  const Tokens all = tokens();
  if (payer) payer->charge(all.prompt + all.completion);
  return payer;
}

void Reply::wake_by(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  woken_ = false;
}

Reply::Part Reply::take() {
  std::shared_ptr<Source> source;
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    if (!source_ || head_) return {std::exchange(head_, std::nullopt), false, {}, done_};
    source = source_;
  }
  Part part = source->take();
  if (part.done) {
    const std::lock_guard lock(mutex_);
    done_ = true;
    source_.reset();
  }
  return part;
}

void Reply::abandon() {
  std::function<void()> callback;
  std::shared_ptr<Source> source;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    wake_ = nullptr;
    source = std::move(source_);
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

void Reply::notify() noexcept {
  if (woken_ || !wake_) return;
  try {
    wake_();
    woken_ = true;
  } catch (...) {  // no memory for the message
  }
}

}  // namespace fulmar::http
