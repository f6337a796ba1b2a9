// Who may use the server: whoever has the one password, and those whose keys the operator has listed.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "http/message.h"

namespace fulmar::http {

// As the operator lists it.
struct Key {
  std::string name;    // of its holder: letters, digits, '.', '_' and '-'
  Sha256 digest{};     // of what is sent
  std::vector<std::string> models;  // that it may use; empty: all
  bool manages = false;             // it may load and end things for everybody
  uint32_t requests = 0, tokens = 0;  // a minute; 0: any number
};

// So many a minute: as many at once, and then as they come back, evenly.
class Allowance {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Allowance(uint32_t a_minute) : most_(a_minute), left_(a_minute) {}

  // Seconds until there is one; 0: now.
  double wait(Clock::time_point now);
  // What is known only afterwards may be more than was left.
  void take(double amount) { left_ -= amount; }

 private:
  const double most_;
  double left_;
  Clock::time_point looked_ = Clock::now();
};

// One who may. Any thread.
class Holder {
 public:
  explicit Holder(Key its_key) : key(std::move(its_key)), requests_(key.requests), tokens_(key.tokens) {}

  const Key key;  // an empty name: the one password's, or everybody's where none is asked for

  bool may_use(std::string_view model) const;
  // Takes a request's place; else seconds until there is one again.
  double admit();
  // Of a request that is over.
  void charge(uint64_t tokens);

  std::atomic<uint64_t> admitted{0}, refused{0}, charged{0};  // for GET /metrics

 private:
  std::mutex mutex_;
  Allowance requests_, tokens_;
};
using HolderPtr = std::shared_ptr<Holder>;

class Keys {
 public:
  explicit Keys(std::string password = {});

  // Replaces those that were listed. Who stays as he was keeps his allowance.
  void set(const std::vector<Key>& keys);
  // That there is a list, though it may be empty: nobody is let in without a key from then on.
  bool asks() const;

  // Who sent this word; null: nobody. Takes the same time wherever it is wrong.
  HolderPtr find(std::string_view word) const;
  // By the header Authorization, as a Bearer token, or by x-api-key.
  HolderPtr find(const Request& request) const;

  std::vector<HolderPtr> listed() const;

 private:
  const std::string password_;
  const HolderPtr everybody_;
  mutable std::mutex mutex_;
  std::vector<HolderPtr> holders_;
  bool listed_ = false;
};

}  // namespace fulmar::http
