// The answer to one request, made by any thread and written by the connection's coroutine; the only meeting
// point.
//
// No call blocks. Long answers are pulled: a Source is asked for the next part each time the connection has
// written the one before, so one part waits here and how much waits there is the Source's own affair.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/message.h"

namespace fulmar::http {

class Source;

class Reply {
 public:
  // For the handler and whoever it gives the Reply to: once, either of these.
  void respond(Response response);
  void attach(std::shared_ptr<Source> source);  // kept until it is done or nobody waits any more
  // Instead of these, where memory does not suffice for any answer: the connection ends without one.
  void give_up() noexcept;
  // The source has something new. Any number of these are one question. Where memory runs out it is not heard:
  // the connection looks again by itself.
  void wake() noexcept;
  // Called once, from any thread, as soon as nobody waits for the answer any more; at once if that is so
  // already.
  void on_gone(std::function<void()> callback);
  bool gone() const;
  // Tokens so far, for the line in the log.
  struct Tokens {
    uint64_t prompt = 0, completion = 0;
  };
  void note(Tokens tokens);
  // Whose allowance they are taken from once the answer is over.
  void bill(std::shared_ptr<Holder> holder);

  // For the connection.
  struct Part {
    std::optional<Response> head;  // once, at first
    bool streamed = false;         // the body comes in parts of unknown number
    std::string bytes;
    bool done = false;  // nothing more will come
  };
  void wake_by(std::function<void()> wake);  // called under the lock: must only post, and may throw
  Part take();  // throws what the source throws: the answer cannot go on then
  void abandon();
  Tokens tokens() const;
  std::shared_ptr<Holder> settle();  // the bill; who paid, null: nobody

 private:
  void notify() noexcept;

  mutable std::mutex mutex_;
  std::function<void()> wake_, on_gone_;
  std::optional<Response> head_;
  std::shared_ptr<Source> source_;
  bool done_ = false, gone_ = false;
  bool woken_ = true;  // one wake-up for all that is new between two take()
  std::shared_ptr<Holder> payer_;
  std::atomic<uint64_t> prompt_tokens_{0}, completion_tokens_{0};
};

// An answer that is made while it is read.
class Source {
 public:
  virtual ~Source() = default;
  // What is new and was not given yet, in parts of some 64 KiB of text: empty when there is nothing until the next
  // wake().
  // Asked on the connection's strand only.
  virtual Reply::Part take() = 0;
};

}  // namespace fulmar::http
