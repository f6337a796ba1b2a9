// The lock and the single wake-up behind Reply.
#include "http/reply.h"

#include <utility>

namespace fulmar::http {

void Reply::respond(Response response) {
  const std::lock_guard lock(mutex_);
  if (gone_ || done_) return;
  head_ = std::move(response);
  done_ = true;
  notify();
}

void Reply::begin(Response head) {
  const std::lock_guard lock(mutex_);
  if (gone_ || done_) return;
  head_ = std::move(head);
  streamed_ = true;
  notify();
}

void Reply::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (gone_ || done_) return;
  bytes_ += bytes;
  notify();
}

void Reply::finish() {
  const std::lock_guard lock(mutex_);
  if (gone_ || done_) return;
  done_ = true;
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

void Reply::wake_by(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  woken_ = false;
}

Reply::Part Reply::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  Part part{std::exchange(head_, std::nullopt), streamed_, std::exchange(bytes_, {}), done_};
  return part;
}

void Reply::abandon() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    wake_ = nullptr;
    bytes_.clear();
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

void Reply::notify() {
  if (woken_ || !wake_) return;
  woken_ = true;
  wake_();
}

}  // namespace fulmar::http
