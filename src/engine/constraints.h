// The forms that answers are held to, each made once for all who ask for the same.
#pragma once
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "fulmar/request.h"
#include "text/constraint.h"
#include "text/tokenizer.h"

namespace fulmar {

constexpr std::size_t max_kept_constraints = 32;  // of those asked for last
constexpr std::size_t max_constraints_memory = std::size_t{1} << 30;  // of all in use and kept, each at its largest

// For any number of threads.
class Constraints {
 public:
  Constraints(std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab)
      : tokenizer_(std::move(tokenizer)), vocab_(vocab), in_use_(std::make_shared<std::atomic<std::size_t>>(0)) {}

  // See Engine::constrain().
  std::shared_ptr<const Constraint> get(const ConstraintInput& input);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<const Constraint> constraint;
  };
  std::shared_ptr<const TokenTrie> trie();
  std::shared_ptr<const Constraint> find(const std::string& key);
  std::shared_ptr<const Constraint> make(const ConstraintInput& input);

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const uint32_t vocab_;
  const std::shared_ptr<std::atomic<std::size_t>> in_use_;  // bytes
  std::mutex mutex_;
  std::list<Kept> kept_;  // the one asked for last at the head
  std::once_flag once_;
  std::shared_ptr<const TokenTrie> trie_;
};

}  // namespace fulmar
