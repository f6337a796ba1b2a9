// The forms that answers are held to, each made once for all who ask for the same.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "fulmar/error.h"
#include "fulmar/request.h"
#include "text/constraint.h"
#include "text/tokenizer.h"

namespace fulmar {

constexpr std::size_t max_kept_constraints = 32;  // of those asked for last

constexpr std::size_t max_kept_refusals = 32;
// Of Constraint::allow(), in one step of the model: of all forms under way together, but each has the least.
constexpr uint64_t max_step_form_work = 1 << 20, least_form_work = 1 << 13;

// For any number of threads.
class Constraints {
 public:
  Constraints(std::shared_ptr<const Tokenizer> tokenizer, uint32_t vocab)
      : tokenizer_(std::move(tokenizer)), vocab_(vocab), memory_(std::make_shared<ConstraintMemory>(0)) {}

  // See Engine::constrain().
  std::shared_ptr<const Constraint> get(const ConstraintInput& input);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<const Constraint> constraint;
  };
  struct Refused {
    std::string key;
    Error error;
  };
  std::shared_ptr<const TokenTrie> trie();
  std::shared_ptr<const Constraint> find(const std::string& key);
  // Throws what that form was refused with before.
  void check_refused(const std::string& key);
  std::shared_ptr<const Constraint> make(const ConstraintInput& input);

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const uint32_t vocab_;
  const std::shared_ptr<ConstraintMemory> memory_;  // of all that there are
  std::mutex mutex_;
  std::list<Kept> kept_;        // the one asked for last at the head
  std::list<Refused> refused_;  // as well
  std::once_flag once_;
  std::shared_ptr<const TokenTrie> trie_;
};

}  // namespace fulmar
