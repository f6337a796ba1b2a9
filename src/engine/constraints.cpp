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

// What refusals name, beside what forms of one meaning share.
void append_fields(const ConstraintInput& input, std::string& key) {
  key += fmt::format("{}:{}", input.field.size(), input.field);
  for (const ConstraintInput& part : input.parts) append_fields(part, key);
}

// The last part that has one.
std::string last_field_of(const ConstraintInput& input) {
  std::string field;
  for (std::size_t i = input.parts.size(); field.empty() && i > 0; --i) field = last_field_of(input.parts[i - 1]);
  return field.empty() ? input.field : field;
}

// What is wrong with the parts is said of them; what only shows of all together, of the fields that asked for it.
std::shared_ptr<const Constraint> compiled(const ConstraintInput& input, std::shared_ptr<const TokenTrie> trie,
                                           std::shared_ptr<ConstraintMemory> memory) {
  try {
    return std::make_shared<const Constraint>(grammar_of(input), std::move(trie), std::move(memory));
  } catch (const Error& error) {
    const std::string field = field_of(input);
    if (!error.param().empty() || field.empty()) throw;
    if (const std::string last = last_field_of(input); last != field)
      throw Error(error.kind(), fmt::format("{} to {}, all together: {}", field, last, error.what()), field.substr(0, field.find('[')));
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

// Those that are only kept make room first.
std::shared_ptr<const Constraint> Constraints::make(const ConstraintInput& input) {
  const auto is_full = [&] { return *memory_ + max_constraint_bytes > max_constraints_memory; };
  if (is_full()) {
    const std::lock_guard lock(mutex_);
    kept_.clear();
  }
  if (is_full())
    throw Error(ErrorKind::busy, "answers under way are held to so many different forms that there is no memory for one more; try again later",
                input.field);
  return compiled(input, trie(), memory_);
}

void Constraints::check_refused(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(refused_, key, &Refused::key);
  if (found == refused_.end()) return;
  refused_.splice(refused_.begin(), refused_, found);
  throw Error(found->error);
}

std::shared_ptr<const Constraint> Constraints::get(const ConstraintInput& input) {
  std::string key = key_of(input);
  if (auto found = find(key)) return found;
  std::string refusal = key;
  append_fields(input, refusal);
  check_refused(refusal);
  std::shared_ptr<const Constraint> made;
  try {
    made = make(input);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_request) throw;
    const std::lock_guard lock(mutex_);
    refused_.push_front({std::move(refusal), error});
    if (refused_.size() > max_kept_refusals) refused_.pop_back();
    throw;
  }
  const std::lock_guard lock(mutex_);
  kept_.push_front({std::move(key), made});
  if (kept_.size() > max_kept_constraints) kept_.pop_back();
  return made;
}

}  // namespace fulmar
