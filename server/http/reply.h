// The answer to one request, made by any thread and written by the connection's coroutine; the only meeting
// point.
//
// No call blocks: producers append under a short lock and wake the writer. When the client is gone, or the
// server stops, everything further is dropped. What waits here is bounded by what one request can make.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace fulmar::http {

class Reply {
 public:
  // For the handler and whoever it gives the Reply to. Either respond(), or begin(), write()..., finish().
  void respond(Response response);
  void begin(Response head);
  void write(std::string_view bytes);
  void finish();
  // Called once, from any thread, as soon as nobody waits for the answer any more; at once if that is so
  // already.
  void on_gone(std::function<void()> callback);
  bool gone() const;
  // Tokens so far, for the line in the log.
  struct Tokens {
    uint64_t prompt = 0, completion = 0;
  };
  void note(Tokens tokens);

  // For the session.
  struct Part {
    std::optional<Response> head;  // once, at first
    bool streamed = false;         // the body comes in parts of unknown number
    std::string bytes;
    bool done = false;  // nothing more will come
  };
  void wake_by(std::function<void()> wake);  // called under the lock: must only post
  Part take();
  void abandon();
  Tokens tokens() const;

 private:
  void notify();

  mutable std::mutex mutex_;
  std::function<void()> wake_, on_gone_;
  std::optional<Response> head_;
  std::string bytes_;
  bool streamed_ = false, done_ = false, gone_ = false;
  std::atomic<uint64_t> prompt_tokens_{0}, completion_tokens_{0};
  bool woken_ = true;  // one wake-up for all that is appended between two take()
};

}  // namespace fulmar::http
