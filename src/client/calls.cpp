// Increments are merged until somebody is told them, so a request costs its text once, however seldom a game polls.
#include "client/calls.h"

#include <chrono>
#include <new>
#include <utility>

namespace fulmar::client::impl {

void Calls::release(Request& request) {
  if (request.handlers.on_release) request.handlers.on_release(request.handlers.user);
}

uint64_t Calls::add(const fulmar_client_handlers& handlers, Call call, std::optional<Failed> failure) {
  const auto request = std::make_shared<Request>();
  request->handlers = handlers;
  request->call = std::move(call);
  const std::lock_guard lock(mutex_);
  if (!failure && requests_.size() >= most)
    failure = Failed{FULMAR_CLIENT_TOO_LARGE, "256 requests are under way; wait for one of them, or cancel it"};
  request->id = last_id_ + 1;
  new_.reserve(new_.size() + 1);
  requests_.emplace(request->id, request);
  if (failure) {
    try {
      end_locked(request, std::move(failure));
    } catch (...) {  // no memory: then it was never here
      requests_.erase(request->id);
      throw;
    }
  } else {
    new_.push_back(request);
  }
  waiter_.wake();
  return ++last_id_;
}

void Calls::note(const std::shared_ptr<Request>& request) {
  if (request->waits_to_be_told) return;
  to_tell_.push_back(request);
  request->waits_to_be_told = true;
  something_to_tell_.notify_one();
}

void Calls::end_locked(const std::shared_ptr<Request>& request, std::optional<Failed> failure) {
  request->ended = true;
  request->failure = std::move(failure);
  note(request);
}

void Calls::cancel(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  Request& request = *found->second;
  request.told = request.text.size();
  // An end that nobody was told yet is taken back: who cancels is not told of success.
  end_locked(found->second, Failed{FULMAR_CLIENT_CANCELLED, "it was cancelled"});
  waiter_.wake();
}

std::vector<std::shared_ptr<Request>> Calls::take_new() {
  const std::lock_guard lock(mutex_);
  return std::exchange(new_, {});
}

bool Calls::has_ended(const Request& request) {
  const std::lock_guard lock(mutex_);
  return request.ended || closed_;
}

bool Calls::has_news() {
  const std::lock_guard lock(mutex_);
  return !to_tell_.empty();
}

bool Calls::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Calls::say(Request& request, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (request.ended || closed_) return;
  if (request.text.size() + text.size() > most_text) throw Failed{FULMAR_CLIENT_TOO_LARGE, "the answer has more than 16 MiB of text"};
  request.text += text;
  note(requests_.at(request.id));
}

void Calls::end(const std::shared_ptr<Request>& request, std::optional<Failed> failure) {
  const std::lock_guard lock(mutex_);
  if (!request->ended && !closed_) end_locked(request, std::move(failure));
}

size_t Calls::deliver(int wait_milliseconds) {
  std::unique_lock lock(mutex_);
  if (teller_ != std::thread::id()) return 0;  // a handler, or a second thread
  if (wait_milliseconds > 0) {
    something_to_tell_.wait_for(lock, std::chrono::milliseconds(wait_milliseconds),
                                [&] { return closed_ || !to_tell_.empty(); });
    if (teller_ != std::thread::id()) return 0;
  }
  teller_ = std::this_thread::get_id();
  size_t calls = 0;
  // What comes while handlers run is for the next time: a tick has an end.
  for (size_t turns = to_tell_.size(); turns > 0 && !closed_ && !to_tell_.empty(); --turns) {
    being_told_ = std::move(to_tell_.front());
    to_tell_.pop_front();
    being_told_->waits_to_be_told = false;
    try {
      calls += tell(being_told_, lock);
    } catch (const std::bad_alloc&) {  // for a copy of the news
      being_told_->told = being_told_->text.size();
      end_locked(being_told_, Failed{FULMAR_CLIENT_TOO_LARGE, "there is no memory left"});
    }
    being_told_ = nullptr;
  }
  teller_ = {};
  quiet_.notify_all();
  return calls;
}

size_t Calls::tell(const std::shared_ptr<Request>& request, std::unique_lock<std::mutex>& lock) {
  const fulmar_client_handlers& handlers = request->handlers;
  size_t calls = 0;
  const bool streams = request->call.kind == Call::Kind::ask && handlers.on_stream;
  if (streams && request->told < request->text.size()) {
    const std::string news = request->text.substr(request->told);
    request->told = request->text.size();
    lock.unlock();
    handlers.on_stream(handlers.user, news.c_str(), news.size());
    lock.lock();
    ++calls;
  }
  if (closed_) {  // while the handler ran: close() leaves this one to us
    requests_.erase(request->id);
    lock.unlock();
    release(*request);
    lock.lock();
    return calls;
  }
  if (!request->ended || (streams && request->told < request->text.size())) {
    if (request->ended) note(request);
    return calls;
  }
  requests_.erase(request->id);
  if (request->waits_to_be_told) std::erase(to_tell_, request);
  const std::optional<Failed> failure = std::move(request->failure);
  const std::string text = std::move(request->text);
  lock.unlock();
  if (!failure && handlers.on_succeeded) {
    handlers.on_succeeded(handlers.user, text.c_str(), text.size());
    ++calls;
  } else if (failure && handlers.on_failed) {
    handlers.on_failed(handlers.user, failure->kind, failure->message.c_str(), failure->message.size());
    ++calls;
  }
  release(*request);
  lock.lock();
  return calls;
}

void Calls::close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  waiter_.wake();
  something_to_tell_.notify_all();
  if (teller_ != std::this_thread::get_id()) quiet_.wait(lock, [&] { return teller_ == std::thread::id(); });
  to_tell_.clear();
  new_.clear();
  if (being_told_) requests_.erase(being_told_->id);
  const auto left = std::exchange(requests_, {});
  lock.unlock();
  for (const auto& [id, request] : left) release(*request);
}

}  // namespace fulmar::client::impl
