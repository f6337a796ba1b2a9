// Looks up, compiles, and counts the memory of what is in use.
#include "engine/constraints.h"

#include <algorithm>

#include "base/fail.h"
#include "text/constraint_input.h"

namespace fulmar {
namespace {

// Of the whole, or else of the first part that has one.
std::string field_of(const ConstraintInput& input) {
  std::string field = input.field;
  for (std::size_t i = 0; field.empty() && i < input.parts.size(); ++i) field = field_of(input.parts[i]);
  return field;
}

// What is wrong with the parts is said of them; what only shows of all together, of the field that asked for it.
std::unique_ptr<const Constraint> compiled(const ConstraintInput& input, std::shared_ptr<const TokenTrie> trie) {
  try {
    return std::make_unique<const Constraint>(grammar_of(input), std::move(trie));
  } catch (const Error& error) {
    const std::string field = field_of(input);
    if (!error.param().empty() || field.empty()) throw;
    throw Error(error.kind(), fmt::format("{}: {}", field, error.what()), field);
  }
}

}  // namespace

// The first request pays for it: a tenth of a second.
std::shared_ptr<const TokenTrie> Constraints::trie() {
  std::call_once(once_, [this] { trie_ = std::make_shared<const TokenTrie>(*tokenizer_, vocab_); });
  return trie_;
}

std::shared_ptr<const Constraint> Constraints::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(kept_, key, &Kept::key);
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return found->constraint;
}

std::shared_ptr<const Constraint> Constraints::make(const ConstraintInput& input) {
  auto made = compiled(input, trie());
  const std::size_t bytes = made->bytes() + max_constraint_bytes;
  if (*in_use_ += bytes; *in_use_ > max_constraints_memory) {
    *in_use_ -= bytes;
    throw Error(ErrorKind::busy, "answers under way are held to so many different forms that there is no memory for one more; try again later",
                input.field);
  }
  return {made.release(), [in_use = in_use_, bytes](const Constraint* gone) {
            delete gone;
            *in_use -= bytes;
          }};
}

std::shared_ptr<const Constraint> Constraints::get(const ConstraintInput& input) {
  std::string key = key_of(input);
  if (auto found = find(key)) return found;
  const auto made = make(input);
  const std::lock_guard lock(mutex_);
  kept_.push_front({std::move(key), made});
  if (kept_.size() > max_kept_constraints) kept_.pop_back();
  return made;
}

}  // namespace fulmar
