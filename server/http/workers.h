// The threads that run handlers, so that parsing, tokenizing and templates never hold up a connection.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fulmar::http {

class Workers {
 public:
  explicit Workers(size_t most_waiting) : most_waiting_(most_waiting) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Throws std::system_error where a thread cannot be had.
  void start(unsigned threads);
  // Runs `work` on one of the threads. False: too many wait already, or the threads have ended.
  bool post(std::function<void()> work);
  // Lets what runs end and drops what waits.
  void stop();

 private:
  void run();

  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fulmar::http
