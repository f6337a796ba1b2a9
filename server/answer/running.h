// Answers under way that clients may stop, or pause and go on with, by the names that they are told.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/request.h"
#include "host/served.h"

namespace fulmar::api {

// Each of these is in docs/http-api.md too.
constexpr size_t kPausedAnswers = 64;                  // one more: the one that was paused first is forgotten
constexpr size_t kPausedBytes = size_t{1} << 30;       // of their states together; likewise
constexpr std::chrono::seconds kPausedTime{600};       // after which an answer is forgotten

// What is left of an answer that was paused.
struct PausedAnswer {
  using Clock = std::chrono::steady_clock;

  std::string id;                    // its name, also when it goes on
  std::string session;               // that it belongs to, or none
  std::vector<Request> rest;         // of the texts that had not ended
  std::vector<uint32_t> indices;     // those texts' numbers
  uint32_t chunk = 1;                // Delivery::chunk
  std::string model;                 // the name that it was asked by
  std::string tenant{};              // Behalf::tenant() of whoever asked
  std::weak_ptr<Engine> engine{};    // by what; where that is gone, it cannot go on
  Clock::time_point since = Clock::now();

  size_t bytes() const;
};

// Changes a request that was paused into one for what is left, after these tokens and with these states.
void go_on_later(Request& rest, std::span<const Token> drawn, std::span<const StatePtr> states);

// One of them.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  // Its texts end as they are.
  virtual void stop() = 0;
  // Its texts end for now; `until` is let go when that has happened, or it ended otherwise. What is left is in Running then.
  virtual void pause(std::shared_ptr<void> until) = 0;
  virtual bool is_over() const = 0;
  virtual size_t texts() const = 0;
  virtual size_t states() const = 0;  // one a text, or as many as are mixed
};

// Any thread. The holder of a key finds his own alone.
class Running {
 public:
  std::string next_id();  // "req-1700000000-7", the time of the first and a count

  void add(const std::string& id, std::weak_ptr<Stoppable> answer);
  void remove(const std::string& id);
  // Those that have not ended, or the one of this name; oldest first.
  struct Named {
    std::string id;
    std::shared_ptr<Stoppable> answer;
  };
  std::vector<Named> find(const std::string& id = {}) const;
  std::string last() const;  // the name of the one that ended last

  void keep(PausedAnswer paused);
  bool is_paused(const std::string& id) const;
  // By its name, else the one paused last of this session.
  std::optional<PausedAnswer> take(std::string_view id, std::string_view session);
  struct Told {
    std::string id, session;
    size_t texts;
    std::chrono::seconds left;
  };
  std::vector<Told> paused();

 private:
  void forget_old();  // with the lock held

  mutable std::mutex mutex_;
  struct Entry {
    std::string id;
    std::weak_ptr<Stoppable> answer;
    std::string tenant;
  };
  std::vector<Entry> running_;
  std::vector<PausedAnswer> paused_;  // in the order of their pausing
  Entry last_;
  int64_t first_time_ = 0;
  uint64_t count_ = 0;
};

}  // namespace fulmar::api
