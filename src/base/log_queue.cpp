// A bounded queue and the thread that empties it.
#include "base/log_queue.h"

#include <fmt/format.h>

#include <utility>

namespace fulmar {
namespace {

constexpr size_t kMost = 1024;                        // lines that wait
constexpr std::chrono::milliseconds kFarewell{1000};  // for all that waits at the end

}  // namespace

void LogQueue::start() noexcept {
  const std::lock_guard lock(mutex_);
  if (users_++ > 0 || running_) return;
  try {
    ending_ = false;
    thread_ = std::thread([this] { run(); });
    running_ = true;
  } catch (...) {  // no thread to be had
  }
}

void LogQueue::stop() noexcept {
  std::unique_lock lock(mutex_);
  if (--users_ > 0 || !running_) return;
  if (!wait_written(lock, kFarewell)) return;  // what hangs is left to the system
  ending_ = true;
  running_ = false;
  std::thread over = std::move(thread_);
  lock.unlock();
  changed_.notify_all();
  over.join();
}

bool LogQueue::put(LogLevel level, std::string_view text) noexcept {
  std::unique_lock lock(mutex_);
  if (!running_) return false;
  if (lines_.size() >= kMost) {
    ++lost_;
  } else {
    tell_of_lost();
    try {
      push(level, std::string(text));
    } catch (...) {  // no memory
      ++lost_;
    }
  }
  if (level <= LogLevel::warning && !hangs_) hangs_ = !wait_written(lock, patience_);
  return true;
}

bool LogQueue::flush() noexcept {
  std::unique_lock lock(mutex_);
  return !running_ || wait_written(lock, kFarewell);
}

void LogQueue::push(LogLevel level, std::string text) {
  lines_.push_back({std::chrono::system_clock::now(), level, std::move(text)});
  ++put_;
  changed_.notify_one();
}

void LogQueue::tell_of_lost() noexcept {
  if (lost_ == 0) return;
  try {
    push(LogLevel::warning, fmt::format("{} lines of the log were lost: they came faster than they were read", lost_));
  } catch (...) {  // no memory: forgotten
  }
  lost_ = 0;
}

bool LogQueue::wait_written(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds most) {
  return written_.wait_for(lock, most, [this, all = put_] { return done_ >= all; });
}

void LogQueue::run() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (lines_.empty()) tell_of_lost();
    if (lines_.empty()) {
      if (ending_) return;
      changed_.wait(lock);
      continue;
    }
    const Line line = std::move(lines_.front());
    lines_.pop_front();
    lock.unlock();
    write_(line.time, line.level, line.text);
    lock.lock();
    ++done_;
    hangs_ = false;
    written_.notify_all();
  }
}

}  // namespace fulmar
